/**
 * Certificates for tests, made on the spot: a CA, and leaf certificates that it signed, all ECDSA P-256.
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { buildCertificate, extension } from "../../src/transport/certificate.js";

const DAY = 86_400_000;

/** A private key and its certificate in PEM. */
export interface Identity {
  key: string;
  cert: string;
}

/** A certificate authority: its certificate, and `issue` for leaf certificates. */
export interface Authority extends Identity {
  /**
   * A certificate for `name` (common name and subject alternative name), for one use, and valid for a year
   * from yesterday; with `expired` until yesterday.
   */
  issue(name: string, use?: "serverAuth" | "clientAuth", validity?: "valid" | "expired"): Identity;
}

function keys(): { publicKey: KeyObject; privateKey: KeyObject; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { publicKey, privateKey, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
}

/** A new certificate authority. */
export function createAuthority(name: string): Authority {
  const own = keys();
  const now = Date.now();
  const days = (count: number): Date => new Date(now + count * DAY);
  return {
    key: own.key,
    cert: buildCertificate({
      subject: name,
      issuer: name,
      publicKey: own.publicKey,
      signingKey: own.privateKey,
      notBefore: days(-30),
      notAfter: days(365),
      extensions: [extension.basicConstraints(true), extension.keyUsage(5, 6)],
    }),
    issue(leafName, use = "serverAuth", validity = "valid") {
      const leaf = keys();
      const cert = buildCertificate({
        subject: leafName,
        issuer: name,
        publicKey: leaf.publicKey,
        signingKey: own.privateKey,
        notBefore: days(-10),
        notAfter: days(validity === "valid" ? 365 : -1),
        extensions: [
          extension.basicConstraints(false),
          extension.keyUsage(0),
          extension.extendedKeyUsage(use),
          extension.subjectAltName([leafName]),
        ],
      });
      return { key: leaf.key, cert };
    },
  };
}
