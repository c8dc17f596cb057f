import tls from "node:tls";
import type { SMTPServerOptions } from "../types.js";
import type { SecureContextHandle, SNIHandle, UpgradeOptions } from "./bun-tls.js";
import { selfSignedCertificate } from "./certificate.js";
export function canUpgrade(): boolean { return true; }
export class SecureContexts {
  #o: SMTPServerOptions; #c: SecureContextHandle | undefined;
  constructor(o: SMTPServerOptions) { this.#o = o; }
  get hasCertificate(): boolean { return !!this.#o.cert; }
  update(o: SMTPServerOptions): void { this.#o = o; this.#c = undefined; }
  upgradeOptions(): UpgradeOptions {
    const o = this.#o;
    this.#c ??= (tls.createSecureContext(o.cert ? { key: o.key, cert: o.cert } as object : selfSignedCertificate("x")) as unknown as { context: object }).context;
    return { secureContext: this.#c, requestCert: !!o.requestCert, rejectUnauthorized: !!o.rejectUnauthorized };
  }
  select(_name: string, _handle: SNIHandle): SecureContextHandle | true | undefined { return undefined; }
}
export function verdict(_o: UpgradeOptions, ok: boolean, error: Error | null, _a: boolean): Error | undefined { return ok ? undefined : (error ?? new Error("handshake failed")); }
