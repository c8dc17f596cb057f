import type { PeerCertificate } from "node:tls";
import { hasControl } from "../wire/text.js";
import { judge, REJECTED } from "./judge.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Failure, Mechanism } from "./mechanism.js";

const NO_CERTIFICATE: Failure = { ...REJECTED, text: "Error: verified client certificate required" };

/**
 * EXTERNAL (RFC 4422 appendix A): the client's TLS certificate identifies it. The client may name another identity to act
 * as. Offered only to a client whose certificate was verified against `ca`.
 */
export const external: Mechanism = {
  name: "EXTERNAL",
  syntax: "Error: syntax: AUTH EXTERNAL authzid",
  initialResponse: true,
  available: (channel) => channel.peerCertificate?.() !== undefined,
  begin: (environment) =>
    challenge("", (authzid) => {
      const certificate = environment.peerCertificate?.();
      if (!certificate) return NO_CERTIFICATE;
      const username = authzid || commonName(certificate);
      if (hasControl(username)) return INVALID;
      return credentials({ method: "EXTERNAL", username, authzid, certificate }, judge);
    }),
};

/** The subject's CN; "" if the certificate has none or several, so that onAuth decides by the other fields. */
function commonName(certificate: PeerCertificate): string {
  const name: unknown = certificate.subject?.CN;
  return typeof name === "string" ? name : "";
}
