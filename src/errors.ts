/**
 * An error that is a reply. A hook may throw or pass one to say what the client hears; the library
 * uses it for what it finds itself. Any `Error` with a `responseCode` does the same.
 */
export class SMTPError extends Error {
  /** Reply code, 400 to 599; 421 closes the connection. Missing or anything else: the default of the hook. */
  responseCode?: number;
  /**
   * Enhanced status code (RFC 3463), for example `5.7.1`; sent where `hideENHANCEDSTATUSCODES` is false and its
   * first digit is that of the reply code.
   */
  enhancedCode?: string;
  /**
   * What happened, for programs: `ECONNECTION` the client left in the middle of a message,
   * `EBARENEWLINE` the message has a bare CR or LF, `EREFUSED` a chunk of BDAT was refused, `EABANDONED` a stream
   * was answered and not read.
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
    Object.assign(this, details);
  }
}
