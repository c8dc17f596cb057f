/**
 * An error that is also a reply (RFC 5321 section 4.2). A hook throws it or passes it to its callback to choose the reply
 * to the client; the library uses it for its own errors. Any `Error` with these fields works the same way.
 */
export class SMTPError extends Error {
  /** Reply code, an integer from 400 to 599; 421 closes the connection. Without it, or with any other value, the hook's default. */
  responseCode?: number;
  /**
   * Enhanced status code (RFC 3463), for example `5.7.1`. Sent if `hideENHANCEDSTATUSCODES` is false and its first digit
   * is that of the reply code. Default: the usual one of the reply code.
   */
  enhancedCode?: string;
  /**
   * The cause, for programs: `ECONNECTION`: the client disconnected in the middle of a message; `EBARENEWLINE`: the
   * message has a bare CR or LF; `EREFUSED`: a chunk of BDAT was refused; `EABANDONED`: onData answered without reading
   * the stream; `ENOANSWER`: a hook has no way to answer.
   */
  code?: string;

  /**
   * @param message text of the reply; control characters become spaces
   * @param details values of the fields above, each optional. Default: none
   */
  constructor(
    message: string,
    details: { responseCode?: number; enhancedCode?: string; code?: string } = {},
  ) {
    super(message);
    this.name = "SMTPError";
    // Read by name and not copied: `details` may be another error, whose fields may be getters of its class.
    const { responseCode, enhancedCode, code } = details;
    if (responseCode !== undefined) this.responseCode = responseCode;
    if (enhancedCode !== undefined) this.enhancedCode = enhancedCode;
    if (code !== undefined) this.code = code;
  }
}

/** Converts a thrown value to an Error. It never throws, even for a value that cannot be converted to a string. */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  } catch {
    return new Error("A value was thrown that cannot be read");
  }
}

/** The message of a thrown value. It never throws. */
export function errorText(thrown: unknown): string {
  try {
    return String(toError(thrown).message);
  } catch {
    return "an error whose message cannot be read";
  }
}
