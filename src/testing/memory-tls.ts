/** A TLS session without TLS: what the server and its hooks read of one. */
import type { TLSSession } from "../connection/transport.js";
import type { Endpoints } from "../session.js";
import type { PeerCertificate } from "node:tls";

/** What the client brings to a handshake in memory. */
export interface MemoryTLS {
  /** The host name that the client asks for (SNI). Default: none. */
  servername?: string | undefined;
  /** Fields of the client's certificate, as `{ subject: { CN: "ann" } }`. Default: no certificate. */
  certificate?: object | undefined;
  /** Whether the server trusts the certificate. Default: `true` with a certificate. */
  authorized?: boolean | undefined;
}

/** @internal A TLS session of that client. */
export function memoryTLS(
  endpoints: Endpoints,
  { servername, certificate, authorized = certificate !== undefined }: MemoryTLS = {},
): TLSSession {
  const { localAddress, localPort, remoteAddress, remotePort } = endpoints;
  const suite = "TLS_AES_128_GCM_SHA256";
  const cipher = { name: suite, standardName: suite, version: "TLSv1.3" };
  const getPeerCertificate = (): PeerCertificate => (certificate ?? {}) as PeerCertificate;
  return {
    cipher,
    servername: servername ?? false,
    authorized,
    peerCertificate: getPeerCertificate,
    exportKeyingMaterial: (length) => Buffer.alloc(length, 7),
    socket: {
      encrypted: true,
      authorized,
      servername: servername ?? false,
      remoteAddress,
      remotePort,
      localAddress,
      localPort,
      getPeerCertificate,
      getCipher: () => cipher,
      getProtocol: () => cipher.version,
      destroy() {},
    },
  };
}
