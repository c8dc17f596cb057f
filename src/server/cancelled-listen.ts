/** Node's code of a server that is closed and did not listen. */
export const CLOSED_BEFORE_LISTENING = "ERR_SERVER_NOT_RUNNING";
/** Node's code of an AbortError. */
export const ABORTED = "ABORT_ERR";

export function closedBeforeListening(): Error {
  const error = new Error("The server was closed before it listened.");
  return Object.assign(error, { code: CLOSED_BEFORE_LISTENING });
}

/** The error with which Node's functions reject when their signal aborts. */
export function abortError({ reason }: AbortSignal): Error {
  const error = new Error("The operation was aborted", { cause: reason });
  return Object.assign(error, { name: "AbortError", code: ABORTED });
}

/** Waits for a promise. Rejects with the signal's reason as soon as it aborts. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
    promise.then(resolve, reject);
  });
}
