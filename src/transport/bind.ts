import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Bound } from "../listener.js";
import type { ListenTarget } from "../listen-target.js";
import { listenOn, type SocketTransport } from "./socket.js";
import type { SecureContexts } from "./tls.js";

type Accept = (transport: SocketTransport) => void;

/**
 * Binds a target. At once where that can be: a name is looked up first, and a unix socket that is in the
 * way is asked whether anybody is behind it.
 * @throws (or rejects with) an Error with Node's `code`, `errno`, `syscall`, `address`, `port`
 */
export function bind(
  target: ListenTarget,
  contexts: () => SecureContexts,
  accept: Accept,
): Bound | Promise<Bound> {
  if ("path" in target) return bindPath(target, contexts, accept);
  const { host } = target;
  if (host !== undefined && isIP(host) === 0) {
    return lookup(host).then(({ address }) => bindTCP({ ...target, host: address }, contexts, accept));
  }
  return bindTCP(target, contexts, accept);
}

type TCPTarget = Exclude<ListenTarget, { path: string }>;

function bindTCP(target: TCPTarget, contexts: () => SecureContexts, accept: Accept): Bound {
  const attempt = (host: string): Bound => {
    try {
      const listener = listenOn({ ...target, host }, contexts, accept);
      return {
        where: { host, port: listener.port },
        stop: () => listener.stop(false),
        ref: () => listener.ref(),
        unref: () => listener.unref(),
      };
    } catch (error) {
      throw bindError(error, host, target.port);
    }
  };
  if (target.host !== undefined) return attempt(target.host);
  try {
    return attempt("::");
  } catch (error) {
    // A machine without IPv6 still has all its IPv4 interfaces.
    if (!isError(error) || (error.code !== "EAFNOSUPPORT" && error.code !== "EADDRNOTAVAIL")) throw error;
    return attempt("0.0.0.0");
  }
}

function bindPath(
  target: Extract<ListenTarget, { path: string }>,
  contexts: () => SecureContexts,
  accept: Accept,
): Bound | Promise<Bound> {
  const { path, mode } = target;
  const attempt = (): Bound => {
    try {
      const listener = listenOn({ path }, contexts, accept);
      if (mode !== undefined) chmodSync(path, mode);
      return {
        where: { path },
        stop: () => listener.stop(false),
        ref: () => listener.ref(),
        unref: () => listener.unref(),
      };
    } catch (error) {
      throw bindError(error, path);
    }
  };
  try {
    return attempt();
  } catch (error) {
    if (!isError(error) || error.code !== "EADDRINUSE") throw error;
    return isStale(path).then((stale) => {
      if (!stale) throw error;
      unlinkSync(path);
      return attempt();
    });
  }
}

/** Whether a file is a socket that nobody listens on any more: the only kind of file that is removed. */
async function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return false;
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

/** The error in the shape that Node's `listen` gives it. */
function bindError(error: unknown, address: string, port?: number): Error {
  if (!isError(error)) return new Error(String(error));
  const code = error.code ?? "EADDRNOTAVAIL";
  const at = port === undefined ? address : `${address}:${port}`;
  const reason =
    code === "EADDRINUSE"
      ? "address already in use"
      : code === "EACCES"
        ? "permission denied"
        : error.message;
  const details = { code, errno: -Math.abs(error.errno ?? 99), syscall: "listen", address };
  return Object.assign(
    new Error(`listen ${code}: ${reason} ${at}`),
    details,
    port === undefined ? {} : { port },
  );
}
