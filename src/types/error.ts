/** An error that is also a reply. Any `Error` may carry `responseCode`. */
export interface SMTPErrorLike extends Error {
  /** Reply code, an integer from 400 to 599 or a string of one; any other value means the hook's default. 421 closes. */
  responseCode?: number | string | undefined;
  /** Enhanced status code (RFC 3463), such as `5.7.1`. Ignored if its first digit differs from that of the reply code. */
  enhancedCode?: string | undefined;
  /** The cause, for programs: `ECONNECTION`, `EBARENEWLINE`, … */
  code?: string | undefined;
}
