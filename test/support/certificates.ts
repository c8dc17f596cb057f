/**
 * Certificates for tests, made on the spot: a CA, and leaf certificates that it signed, all ECDSA P-256.
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  X509Certificate,
  type KeyObject,
} from "node:crypto";
import { buildCertificate, der, extension } from "../../src/transport/self-signed-certificate.js";

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
  /** The same for a key of RSA, 2048 bits: with it TLS 1.2 has key exchanges without forward secrecy. */
  issueRSA(name: string): Identity;
}

function keys(type: "ec" | "rsa" = "ec"): { publicKey: KeyObject; privateKey: KeyObject; key: string } {
  const { publicKey, privateKey } =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { publicKey, privateKey, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
}

/** A new certificate authority. */
export function createAuthority(name: string): Authority {
  const own = keys();
  const now = Date.now();
  const days = (count: number): Date => new Date(now + count * DAY);
  const issue = (
    leaf: ReturnType<typeof keys>,
    leafName: string,
    use: "serverAuth" | "clientAuth" = "serverAuth",
    validity: "valid" | "expired" = "valid",
  ): Identity => ({
    key: leaf.key,
    cert: buildCertificate({
      subject: leafName,
      issuer: name,
      publicKey: leaf.publicKey,
      signingKey: own.privateKey,
      notBefore: days(-10),
      notAfter: days(validity === "valid" ? 365 : -1),
      extensions: [
        extension.basicConstraints(false),
        extension.keyUsage(0, 2),
        extension.extendedKeyUsage(use),
        extension.subjectAltName([leafName]),
      ],
    }),
  });
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
    issue: (leafName, use, validity) => issue(keys(), leafName, use, validity),
    issueRSA: (leafName) => issue(keys("rsa"), leafName),
  };
}

/** Repeated to a multiple of 64 bytes, the block of SHA-256. */
function fill(bytes: Buffer): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / 64) * 64, bytes);
}

/** A PKCS #12 file (RFC 7292) of a key and its certificate, for option `pfx`. The key in it is not encrypted. */
export function pkcs12({ key, cert }: Identity, passphrase: string): Buffer {
  const data = (content: Buffer): Buffer =>
    der.sequence(der.oid("1.2.840.113549.1.7.1"), der.explicit(0, der.octetString(content)));
  const bag = (kind: number, value: Buffer): Buffer =>
    der.sequence(der.oid(`1.2.840.113549.1.12.10.1.${kind}`), der.explicit(0, value));
  const certificate = der.sequence(
    der.oid("1.2.840.113549.1.9.22.1"),
    der.explicit(0, der.octetString(new X509Certificate(cert).raw)),
  );
  const pkcs8 = createPrivateKey(key).export({ type: "pkcs8", format: "der" });
  const contents = der.sequence(data(der.sequence(bag(1, pkcs8), bag(3, certificate))));
  // Appendix B.2: key derivation for the MAC (identifier 3), one iteration.
  const salt = randomBytes(8);
  const password = Buffer.from(`${passphrase}\0`, "utf16le").swap16();
  const macKey = createHash("sha256")
    .update(Buffer.concat([Buffer.alloc(64, 3), fill(salt), fill(password)]))
    .digest();
  const sha256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"));
  const mac = createHmac("sha256", macKey).update(contents).digest();
  return der.sequence(
    der.integer(3),
    data(contents),
    der.sequence(der.sequence(sha256, der.octetString(mac)), der.octetString(salt)),
  );
}
