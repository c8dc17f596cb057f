import type { TlsOptions } from "node:tls";

/**
 * The options for a TLS context: those that are given over the defaults of this package, and its self-signed
 * certificate where there is none.
 */
declare function tlsOptions<T extends object = TlsOptions>(options?: T | null): TlsOptions & T;
export = tlsOptions;
