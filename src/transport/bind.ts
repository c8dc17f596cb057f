import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { type BoundListener, listenOn, type SocketTransport } from "./socket.js";
import type { SecureContexts } from "./secure-contexts.js";

/** What to bind. */
export type ListenTarget =
  | { readonly path: string; readonly mode?: number | undefined }
  | {
      readonly port: number;
      /** `undefined`: all interfaces, IPv4 and IPv6. */
      readonly host?: string | undefined;
      readonly reusePort: boolean;
      readonly ipv6Only: boolean;
    };

/** A bound listener and its address. */
export interface Bound {
  readonly where: { readonly path: string } | { readonly host: string; readonly port: number };
  stop(): void;
  ref(): void;
  unref(): void;
}

type Accept = (transport: SocketTransport) => void;

/**
 * Prepares a target for {@link bind}: looks up its host name, or removes the unix socket that an ended process has left.
 * @param signal once it has aborted, no file is removed
 * @returns the target itself if neither is needed, otherwise a promise
 * @throws (or rejects with) an Error with Node's `code`, `errno`, `syscall`, `hostname`
 */
export function prepare(target: ListenTarget, signal: AbortSignal): ListenTarget | Promise<ListenTarget> {
  if ("path" in target) {
    const { path } = target;
    if (!isSocket(path)) return target;
    return isStale(path).then((stale) => {
      signal.throwIfAborted();
      if (stale) unlinkSync(path);
      return target;
    });
  }
  const { host } = target;
  if (host === undefined || isIP(host) !== 0) return target;
  return lookup(host).then(
    ({ address }) => ({ ...target, host: address }),
    (error: NodeJS.ErrnoException) => Promise.reject(lookupError(error, host)),
  );
}

/**
 * Binds a target that {@link prepare} returned.
 * @throws an Error with Node's `code`, `errno`, `syscall`, `address`, `port` if nothing was bound
 */
export function bind(target: ListenTarget, contexts: () => SecureContexts, accept: Accept): Bound {
  if ("path" in target) return bindPath(target, contexts, accept);
  if (target.host !== undefined) return bindTCP(target, target.host, contexts, accept);
  try {
    return bindTCP(target, "::", contexts, accept);
  } catch (error) {
    // On a machine without IPv6, listen on all IPv4 interfaces.
    if (!isError(error) || (error.code !== "EAFNOSUPPORT" && error.code !== "EADDRNOTAVAIL")) throw error;
    return bindTCP(target, "0.0.0.0", contexts, accept);
  }
}

type TCPTarget = Exclude<ListenTarget, { path: string }>;

function bindTCP(target: TCPTarget, host: string, contexts: () => SecureContexts, accept: Accept): Bound {
  try {
    const listener = listenOn({ ...target, host }, contexts, accept);
    return boundTo({ host, port: listener.port }, listener);
  } catch (error) {
    throw bindError(error, host, target.port);
  }
}

function bindPath(
  { path, mode }: Extract<ListenTarget, { path: string }>,
  contexts: () => SecureContexts,
  accept: Accept,
): Bound {
  const bound = boundTo({ path }, listenAt(path, contexts, accept));
  try {
    if (mode !== undefined) chmodSync(path, mode);
  } catch (error) {
    bound.stop();
    throw modeError(error as NodeJS.ErrnoException, path);
  }
  return bound;
}

function listenAt(path: string, contexts: () => SecureContexts, accept: Accept): BoundListener {
  try {
    return listenOn({ path }, contexts, accept);
  } catch (error) {
    throw bindError(error, path);
  }
}

function boundTo(where: Bound["where"], listener: BoundListener): Bound {
  return {
    where,
    stop: () => listener.stop(false),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}

/**
 * Whether a path is the file of a socket. A name in Linux's abstract namespace begins with NUL and is an error here. Errors
 * are ignored, because the bind that follows reports them.
 */
function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Whether no process listens on a socket file any more. Only such files are removed. */
async function isStale(path: string): Promise<boolean> {
  try {
    const probe = await Bun.connect({ unix: path, socket: { data() {} } });
    probe.terminate();
    return false;
  } catch (error) {
    return isError(error) && error.code === "ECONNREFUSED";
  }
}

function isError(error: unknown): error is Error & { code?: string; errno?: number } {
  return error instanceof Error;
}

/** Advice for an error, by its code. */
const HINTS: Readonly<Record<string, (address: string, port: number | undefined) => string>> = {
  EADDRINUSE: (address, port) =>
    port !== undefined
      ? "another program listens there: stop it, or choose another port"
      : isSocket(address)
        ? "another process listens on it: stop it, or choose another path"
        : "this file is not a socket, so it is not replaced: choose another path",
  EACCES: (_, port) =>
    port === undefined
      ? "the user of this process must be allowed to write to the folder"
      : "only root and processes with CAP_NET_BIND_SERVICE may use ports below 1024 (setcap, authbind, systemd's " +
        "AmbientCapabilities); or listen on a higher port and redirect this one to it in the firewall",
  EADDRNOTAVAIL: () =>
    "this machine does not have that address; leave the host out to listen on all its addresses",
  ENOENT: () => "the folder of the socket does not exist",
  EINVAL: (address, port) =>
    port === undefined && Buffer.byteLength(address) > LONGEST_PATH
      ? `the path of a unix socket may have at most ${LONGEST_PATH} bytes`
      : "",
};

/** Bytes of `sun_path` on Linux (108) without the final NUL. */
const LONGEST_PATH = 107;

/** The error that Node's `listen` would give, with advice after Node's message. */
function bindError(error: unknown, address: string, port?: number): Error {
  if (!isError(error)) return new Error(String(error));
  const code = error.code ?? "EADDRNOTAVAIL";
  const errno = -Math.abs(error.errno ?? constants.errno.EADDRNOTAVAIL);
  const reason = getSystemErrorMap().get(errno)?.[1] ?? error.message;
  const at = port ? `${address}:${port}` : address;
  const hint = HINTS[code]?.(address, port);
  const message = `listen ${code}: ${reason} ${at}${hint ? ` (${hint})` : ""}`;
  return Object.assign(new Error(message), { code, errno, syscall: "listen", address }, port ? { port } : {});
}

function modeError(cause: NodeJS.ErrnoException, address: string): Error {
  const { code, errno, message } = cause;
  const error = new Error(`listen: mode could not be set on the socket: ${message}`, { cause });
  return Object.assign(error, { code, syscall: "chmod", address }, errno === undefined ? {} : { errno });
}

/** Adds the host name to the message, which Bun leaves out, and advice. */
function lookupError(cause: NodeJS.ErrnoException, hostname: string): Error {
  const { code, errno } = cause;
  const message = `getaddrinfo ${code} ${hostname} (the host to listen on must be an address or a name of this machine; leave it out to listen on all addresses)`;
  return Object.assign(new Error(message, { cause }), { code, errno, syscall: "getaddrinfo", hostname });
}
