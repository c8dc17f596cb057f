/**
 * An error that is also a reply. A hook passes or throws one to choose the reply to the client; the library uses
 * it for its own errors. Any `Error` with a `responseCode` does the same.
 */
export class SMTPError extends Error {
  /** Reply code, 400 to 599; 421 closes the connection. Default, also for any other value: the code of the hook. */
  responseCode?: number;
  /**
   * Enhanced status code (RFC 3463), for example `5.7.1`; sent if `hideENHANCEDSTATUSCODES` is false and
   * the first digit is that of the reply code.
   */
  enhancedCode?: string;
  /**
   * The cause, for programs: `ECONNECTION`: the client disconnected in the middle of a message; `EBARENEWLINE`: the
   * message has a bare CR or LF; `EREFUSED`: a chunk of BDAT was refused; `EABANDONED`: onData answered and did not
   * read the stream; `ENOANSWER`: a hook has no way to answer.
   */
  code?: string;

  /**
   * @param message text of the reply; control characters become spaces
   * @param details values of the fields above
   */
  constructor(
    message: string,
    details: { responseCode?: number; enhancedCode?: string; code?: string } = {},
  ) {
    super(message);
    this.name = "SMTPError";
    // Read by name, as another error may be given, whose fields may be getters of its class.
    const { responseCode, enhancedCode, code } = details;
    if (responseCode !== undefined) this.responseCode = responseCode;
    if (enhancedCode !== undefined) this.enhancedCode = enhancedCode;
    if (code !== undefined) this.code = code;
  }
}

/** Whatever was thrown, as an Error. Programs throw values that cannot be read, so this never throws. */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  } catch {
    return new Error("A value was thrown that cannot be read");
  }
}

/** The text of whatever was thrown. It never throws. */
export function errorText(thrown: unknown): string {
  try {
    return String(toError(thrown).message);
  } catch {
    return "an error whose message cannot be read";
  }
}
