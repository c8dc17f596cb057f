/** An error that is also a reply. Any `Error` may carry `responseCode`. */
export interface SMTPErrorLike extends Error {
  /** Reply code, an integer from 400 to 599; anything else counts as the hook's default. 421 closes. */
  responseCode?: number | string | undefined;
  /** Enhanced status code (RFC 3463) for this reply, used where its class is that of the reply code. */
  enhancedCode?: string | undefined;
  /** What happened, for programs: `ECONNECTION`, `EBARENEWLINE`, … */
  code?: string | undefined;
}
