import type { PeerCertificate } from "node:tls";
import { hasControl } from "../wire/text.js";
import { judge, REJECTED } from "./judge.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Failure, Mechanism } from "./mechanism.js";

const NO_CERTIFICATE: Failure = { ...REJECTED, text: "Error: verified client certificate required" };

/**
 * EXTERNAL (RFC 4422 appendix A): the client is who its TLS certificate says, and may name the identity
 * that it wants to act as. Only with a certificate that verified against `ca`.
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

/** The subject's CN, "" for a certificate that has none or several: the application decides by the rest of it. */
function commonName(certificate: PeerCertificate): string {
  const name: unknown = certificate.subject?.CN;
  return typeof name === "string" ? name : "";
}
