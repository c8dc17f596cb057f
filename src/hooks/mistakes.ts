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
