import { inspect } from "node:util";
import type { ListenTarget } from "../transport/bind.js";

/** @internal The parsed arguments of `listen`. */
export interface ListenRequest {
  readonly target: ListenTarget;
  readonly callback?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The options of `listen`, as in node:net, with `hostname` and `mode` added. */
export interface ListenOptions {
  /** TCP port, an integer of 0 to 65535; 0 for any free one. Default 0. */
  port?: number | string | undefined;
  /** IP address or host name to listen on. Default: all interfaces, IPv4 and IPv6. */
  host?: string | undefined;
  /** The same as `host`. */
  hostname?: string | undefined;
  /** Path of a unix socket, instead of a port. A socket file that an ended process has left is replaced. */
  path?: string | undefined;
  /** Permissions of the unix socket, such as `0o660` or `"660"`, up to `0o777`. Default: those that the umask allows. */
  mode?: number | string | undefined;
  /** All users may write to the unix socket (node:net). Default false. */
  writableAll?: boolean | undefined;
  /** All users may read from the unix socket (node:net). Default false. */
  readableAll?: boolean | undefined;
  /** Several processes may listen on one port. Default false. */
  reusePort?: boolean | undefined;
  /** On an IPv6 address, do not accept IPv4 clients. Default false. */
  ipv6Only?: boolean | undefined;
  /** Closes the server when it aborts; before `listening` it also rejects `listen` with an AbortError (node:net). */
  signal?: AbortSignal | undefined;
  /** Ignored: accepted for programs written for node:net. */
  exclusive?: boolean | undefined;
  /** Ignored: accepted for programs written for node:net. */
  backlog?: number | undefined;
}

/**
 * @internal
 * Reads `(port?, host?, backlog?, callback?)`, `(path, callback?)` and `(options, callback?)`.
 * @throws TypeError or RangeError that names the invalid argument
 */
export function parseListenArguments(args: readonly unknown[]): ListenRequest {
  const callback = args.findLast((arg): arg is () => void => typeof arg === "function");
  const given = args.filter((arg) => typeof arg !== "function");
  const [first, second] = given;
  if (typeof first === "object" && first !== null)
    return { target: fromOptions(first), callback, signal: abortSignal(first) };
  if (typeof first === "string" && !isNumeric(first)) return { target: { path: first }, callback };
  const host = typeof second === "string" ? second : undefined;
  return { target: tcp(first, host), callback };
}

function isNumeric(text: string): boolean {
  return text.trim() !== "" && !Number.isNaN(Number(text));
}

function fromOptions(options: ListenOptions): ListenTarget {
  const { path, port, mode, readableAll, writableAll } = options;
  if (path !== undefined && path !== null) {
    if (typeof path !== "string" || path === "")
      throw new TypeError("listen: path must be a string that is not empty");
    const all = (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0);
    return { path, mode: permissions(mode) ?? (all ? 0o700 | all : undefined) };
  }
  const host: unknown = options.host ?? options.hostname;
  if (host !== undefined && host !== null && typeof host !== "string")
    throw new TypeError(`listen: host must be a string, got ${inspect(host, { depth: 0 })}`);
  return { ...tcp(port, host ?? undefined), reusePort: !!options.reusePort, ipv6Only: !!options.ipv6Only };
}

function abortSignal({ signal }: ListenOptions): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  // The same check as in node:net: a signal may be of another realm or of a package.
  if (typeof signal === "object" && "aborted" in signal) return signal;
  const error = new TypeError(
    `listen: signal must be an AbortSignal, got ${inspect(signal, { depth: 0, breakLength: Infinity })}`,
  );
  throw Object.assign(error, { code: "ERR_INVALID_ARG_TYPE" });
}

/** Reads permission bits, or a string of octal digits as in node:fs. The number 660 without `0o` is too large and throws. */
function permissions(mode: unknown): number | undefined {
  if (mode === undefined || mode === null) return undefined;
  const bits = typeof mode === "string" && /^[0-7]+$/.test(mode) ? parseInt(mode, 8) : mode;
  if (typeof bits === "number" && Number.isInteger(bits) && bits >= 0 && bits <= 0o777) return bits;
  throw new TypeError(
    `listen: mode must be permission bits of 0 to 0o777, such as 0o660 or "660", got ${inspect(mode, { depth: 0 })}`,
  );
}

function tcp(port: unknown, host: string | undefined): Exclude<ListenTarget, { path: string }> {
  const number = Number(port ?? 0);
  if (typeof port === "boolean" || !Number.isInteger(number) || number < 0 || number > 65_535) {
    const error = new RangeError(
      `listen: port must be an integer of 0 to 65535, got ${inspect(port, { depth: 0 })}`,
    );
    throw Object.assign(error, { code: "ERR_SOCKET_BAD_PORT" });
  }
  return { port: number, host: host || undefined, reusePort: false, ipv6Only: false };
}
