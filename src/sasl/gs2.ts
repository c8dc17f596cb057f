/** The GS2 header that OAUTHBEARER and SCRAM begin with (RFC 5801 section 4, RFC 5802 section 7). */
export interface GS2Header {
  /** The header itself with its last comma. */
  readonly text: string;
  /** `n`: the client has no channel binding; `y`: it has, and believes that we have not; else the binding's name. */
  readonly binding: "n" | "y" | { readonly name: string };
  /** The authorization identity, decoded; "" for none. */
  readonly authzid: string;
  /** What follows the header. */
  readonly rest: string;
}

const HEADER = /^(?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,/;

/** Splits a message after its GS2 header; `undefined` for a malformed header. */
export function parseGS2(message: string): GS2Header | undefined {
  const match = HEADER.exec(message);
  if (!match) return undefined;
  const [text, flag, name = "", encoded] = match;
  const authzid = encoded === undefined ? "" : decodeSaslname(encoded);
  if (authzid === undefined) return undefined;
  const binding = flag === "n" || flag === "y" ? flag : { name };
  return { text, binding, authzid, rest: message.slice(text.length) };
}

/** A saslname: `=2C` is a comma, `=3D` is "=", and no other "=" may be in it (RFC 5802 section 5.1). */
export function decodeSaslname(encoded: string): string | undefined {
  if (!/^(?:[^=,]|=2C|=3D)+$/.test(encoded)) return undefined;
  return encoded.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
