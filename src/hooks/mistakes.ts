import { SMTPError } from "../errors.js";
import { HOOKS, type HookFunction, type HookName } from "./names.js";

const PAGE = "See bun-smtp/docs/guide/common-mistakes.md";

/** The error for a hook that cannot reach its callback and returned no promise. */
export function neverAnswers(name: HookName, returned: unknown): SMTPError {
  const result = returned === undefined ? "nothing" : `a value of type ${typeof returned}`;
  return new SMTPError(
    `${name} can never answer: it does not declare its callback, and it returned ${result} instead of a promise. ` +
      `Make it async, or declare the callback: ${name}(${HOOKS[name].join(", ")}). ${PAGE}`,
    { code: "ENOANSWER" },
  );
}

/** The warning for a hook that may reach its callback, and whose promise is fulfilled before it has called it. */
export function hasNotAnswered(name: HookName, hook: HookFunction): string {
  const parameters = HOOKS[name];
  const reason =
    declaredParameters(hook) >= parameters.length
      ? "because it declares the callback"
      : "because it may reach the callback without declaring it (it has a default or rest parameter, uses the word " +
        "arguments, or is bound, native or a Proxy)";
  return (
    `${name} has not called its callback, but its promise is fulfilled. Only the callback answers, ${reason}: ` +
    `call it, or write async ${name}(${parameters.slice(0, -1).join(", ")}) to answer by the promise. ${PAGE}`
  );
}

/** The `length` of a function. A Proxy may throw. */
function declaredParameters(hook: HookFunction): number {
  try {
    return hook.length;
  } catch {
    return 0;
  }
}

/** Names of errors that no program throws to refuse a client. */
const FAILURES: ReadonlySet<unknown> = new Set([
  "TypeError",
  "ReferenceError",
  "SyntaxError",
  "RangeError",
  "TimeoutError",
]);

/**
 * The warning for a rejection that is probably not about the client: a mistake in the code, or a file, database or host
 * that cannot be reached. The client gets it as a refusal for good, and sees its text.
 * @returns `undefined` for an error that may be meant as a refusal
 */
export function hasFailed(name: HookName, error: unknown): string | undefined {
  const kind = failureOf(error);
  if (kind === undefined) return undefined;
  return (
    `${name} has failed with ${kind}, and the client got that error as a refusal. Catch it, or give it a responseCode: ` +
    `451 lets the client try again. ${PAGE}`
  );
}

/** The name of a mistake, or the code of a system error. The fields may be getters that throw. */
function failureOf(error: unknown): string | undefined {
  try {
    // Bun's DOMException is no Error to Error.isError.
    if (!(Error.isError(error) || error instanceof Error) || "responseCode" in error) return undefined;
    if (FAILURES.has(error.name)) return `a ${error.name}`;
    const isOfSystem = "syscall" in error || "errno" in error;
    return isOfSystem && "code" in error ? String(error.code) : undefined;
  } catch {
    return undefined;
  }
}

/** The warning for a promise that is fulfilled with a value that was probably meant as a refusal, or as a login. */
export function isMistaken(name: HookName, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (name === "onAuth") {
    if (isAuthAnswer(value)) return undefined;
    return `${name} has answered without a user, and that refuses the login. Return { user } to accept it. ${PAGE}`;
  }
  const isError = Error.isError(value) && name !== "onData";
  if (value !== false && !isError) return undefined;
  return `${name} has answered ${isError ? "an Error" : "false"}, and that accepts. To refuse, throw an error. ${PAGE}`;
}

function isAuthAnswer(value: NonNullable<unknown>): boolean {
  const fields = ["user", "message", "data", "responseCode", "credentials"];
  try {
    if (typeof value !== "object") return false;
    return Object.keys(value).length === 0 || fields.some((field) => field in value);
  } catch {
    // A Proxy may throw at any access.
    return true;
  }
}

/** The warning for a hook that has not answered for `socketTimeout`. */
export function isLate(name: HookName, milliseconds: number): string {
  return `${name} has not answered for ${milliseconds} ms, and its client waits. Does each way through it call the callback, or end? ${PAGE}`;
}

const warnings = new WeakMap<object, Set<string>>();

/**
 * Warns on stderr by `process.emitWarning`, with or without a logger. Each text is written once for a server, because
 * clients decide how often a hook is called.
 *
 * @returns whether it warned
 */
export function warnOnce(server: object, text: string): boolean {
  let texts = warnings.get(server);
  if (!texts) warnings.set(server, (texts = new Set()));
  if (texts.has(text)) return false;
  texts.add(text);
  process.emitWarning(text, { type: "SMTPServerWarning", code: "HOOK" });
  return true;
}
