/** nginx's mail proxy in front of the server: it greets and logs clients in, and hands them over with XCLIENT. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Service, directory, find } from "./service.js";

/** What nginx was built with. */
function build(): string {
  const nginx = find("nginx");
  return nginx === undefined ? "" : Bun.spawnSync([nginx, "-V"]).stderr.toString();
}

/** The file of the mail module; "" where it is built in, `undefined` where there is none. */
function mailModule(): string | undefined {
  const options = build();
  if (/--with-mail(?: |$)/m.test(options)) return "";
  const path = join(/--modules-path=(\S+)/.exec(options)?.[1] ?? "", "ngx_mail_module.so");
  return existsSync(path) ? path : undefined;
}

/** Why nginx cannot be started; `undefined` if it can. */
export function nginxMissing(): string | undefined {
  return mailModule() === undefined
    ? "nginx with its mail module is not installed (Debian: apt-get install nginx-light libnginx-mod-mail)"
    : undefined;
}

/** What nginx needs to know. */
export interface NginxOptions {
  /** The port that it listens on, on 127.0.0.1. */
  port: number;
  /** Of the HTTP server that it asks whom to let in and which server is theirs. */
  authPort: number;
  /** `plain login`, or `none`. */
  auth: string;
  /** Further lines of the server section. */
  lines?: readonly string[];
}

function config({ port, authPort, auth, lines = [] }: NginxOptions, prefix: string): string {
  const mail = mailModule();
  return [
    mail ? `load_module ${mail};` : "",
    "daemon off;",
    "master_process off;",
    `pid ${prefix}/nginx.pid;`,
    "error_log stderr info;",
    "events { worker_connections 64; }",
    "mail {",
    "  server_name nginx.test;",
    `  auth_http 127.0.0.1:${authPort}/auth;`,
    "  proxy_pass_error_message on;",
    "  server {",
    `    listen 127.0.0.1:${port};`,
    "    protocol smtp;",
    `    smtp_auth ${auth};`,
    "    xclient on;",
    ...lines.map((line) => `    ${line}`),
    "  }",
    "}",
    "",
  ].join("\n");
}

/** Starts nginx; it accepts connections when it is there. */
export async function startNginx(options: NginxOptions): Promise<Service> {
  const prefix = directory();
  const path = join(prefix, "nginx.conf");
  writeFileSync(path, config(options, prefix));
  const nginx = new Service(["nginx", "-p", prefix, "-e", "stderr", "-c", path]);
  // Its ports are open before it chooses how to wait for events.
  await nginx.logged(/event method/);
  return nginx;
}
