/** The GS2 header that OAUTHBEARER and SCRAM begin with (RFC 5801 section 4, RFC 5802 section 7). */
export interface GS2Header {
  /** The whole header with its last comma. */
  readonly text: string;
  /** `n`: the client does not support channel binding. `y`: it does, but thinks that we do not. Otherwise the binding in use. */
  readonly binding: "n" | "y" | { readonly name: string };
  /** The authorization identity, decoded; "" for none. */
  readonly authzid: string;
  /** The message after the header. */
  readonly rest: string;
}

const HEADER = /^(?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,/;

/** Parses the GS2 header of a message; `undefined` if it is malformed. */
export function parseGS2(message: string): GS2Header | undefined {
  const match = HEADER.exec(message);
  if (!match) return undefined;
  const [text, flag, name = "", encoded] = match;
  const authzid = encoded === undefined ? "" : decodeSaslname(encoded);
  if (authzid === undefined) return undefined;
  const binding = flag === "n" || flag === "y" ? flag : { name };
  return { text, binding, authzid, rest: message.slice(text.length) };
}

/** Decodes a saslname (RFC 5802 section 5.1): `=2C` is a comma and `=3D` is "="; any other "=" is an error. */
export function decodeSaslname(encoded: string): string | undefined {
  if (!/^(?:[^=,]|=2C|=3D)+$/.test(encoded)) return undefined;
  return encoded.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
