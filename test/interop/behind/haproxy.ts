/** HAProxy in front of the server. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Service, directory, find } from "./service.js";

/** A port of HAProxy and the server behind it. */
export interface Route {
  /** What follows `bind`: an address and port, or the path of a unix socket, and options. */
  bind: string;
  /** The server's port on 127.0.0.1. */
  server: number;
  /** What follows the server's address: `send-proxy`, `check` … */
  options: string;
  /** Further lines of the section. */
  lines?: readonly string[];
}

/** Why HAProxy cannot be started; `undefined` if it can. */
export function haproxyMissing(): string | undefined {
  return find("haproxy") === undefined
    ? "haproxy is not installed (Debian: apt-get install haproxy)"
    : undefined;
}

function config(routes: readonly Route[]): string {
  return [
    "global",
    "  log stdout format raw local0 info",
    "defaults",
    "  mode tcp",
    "  log global",
    "  option log-health-checks",
    "  timeout connect 5s",
    "  timeout client 20s",
    "  timeout server 20s",
    "  timeout check 5s",
    ...routes.flatMap(({ bind, server, options, lines = [] }, index) => [
      `listen route${index}`,
      `  bind ${bind}`,
      ...lines.map((line) => `  ${line}`),
      `  server server 127.0.0.1:${server} ${options}`,
    ]),
    "",
  ].join("\n");
}

/** Starts HAProxy with these routes; they accept connections when it is there. */
export async function startHAProxy(routes: readonly Route[]): Promise<Service> {
  const path = join(directory(), "haproxy.cfg");
  writeFileSync(path, config(routes));
  // Only a master process (-W) says when it is ready.
  const haproxy = new Service(["haproxy", "-W", "-f", path]);
  await haproxy.logged(/Loading success/);
  return haproxy;
}
