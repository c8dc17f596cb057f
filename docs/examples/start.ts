/**
 * What the programs of these examples do at their start: `--help`, settings of the environment, something to
 * listen on. What is wrong there is one line on stderr and exit code 1, never a stack.
 */
import { SMTPServer } from "bun-smtp";

const { env } = process;

/** Ends the program with one line on stderr. */
export function fail(line: string): never {
  console.error(line);
  process.exit(1);
}

/** Prints the text and ends the program where `--help` is among the arguments. No other option is known. */
export function usage(text: string): void {
  const option = process.argv.slice(2).find((argument) => argument.startsWith("-"));
  if (option === undefined) return;
  if (option !== "--help" && option !== "-h") fail(`${option}: no such option, --help lists what there is`);
  console.log(text.trim());
  process.exit(0);
}

/**
 * Gives what `make` gives, or a promise of it. Where that fails the program ends.
 * @param what the setting to blame, as in `PORT=25`; the line on stderr begins with it
 */
export function orFail<T>(what: string, make: () => T): T {
  const failed = (error: unknown): never => fail(`${what}: ${reasonOf(error)}`);
  try {
    const made = make();
    return made instanceof Promise ? (made.catch(failed) as T) : made;
  } catch (error) {
    return failed(error);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return "in use by another program, choose another one";
  return message.replace(/\s*\n\s*/g, " ");
}

/** A number of the environment, such as a port. */
export function numberOf(name: string, fallback: number, max = 65_535): number {
  const text = env[name] || String(fallback);
  const isNumber = /^\d{1,9}$/.test(text) && Number(text) <= max;
  return isNumber ? Number(text) : fail(`${name}=${text}: must be a number from 0 to ${max}`);
}

/**
 * The certificate that the files CERT and KEY hold; nothing where neither is set, and the server makes its own.
 * Throws where a file cannot be read, or the two are no pair.
 */
export async function certificate(): Promise<{ cert: string; key: string } | Record<never, never>> {
  const { CERT, KEY } = env;
  if (!CERT && !KEY) return {};
  if (!CERT || !KEY) throw new Error(`${CERT ? "KEY" : "CERT"} is not set, a certificate needs both`);
  const pair = { cert: await Bun.file(CERT).text(), key: await Bun.file(KEY).text() };
  new SMTPServer(pair); // throws where it cannot use them
  return pair;
}
