/** Postfix in front of and behind the server: an instance of its own, with its own queue, on loopback ports. */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { Service, directory, find } from "./service.js";

/** Why Postfix cannot be started; `undefined` if it can. */
export function postfixMissing(): string | undefined {
  if (find("postfix") === undefined) return "postfix is not installed (Debian: apt-get install postfix)";
  // Its processes change to the user postfix.
  return process.getuid?.() === 0 ? undefined : "only root can start postfix";
}

function output(name: string, ...args: string[]): string {
  const { stdout, stderr, success } = Bun.spawnSync([find(name) ?? name, ...args]);
  if (!success) throw new Error(`${[name, ...args].join(" ")}: ${stderr}`);
  return stdout.toString().trim();
}

/** A port where Postfix takes mail. */
export interface Listener {
  port: number;
  /** `-o` settings of this port. */
  settings?: Record<string, string | number>;
}

/** What Postfix does with mail. */
export interface PostfixOptions {
  listeners: readonly Listener[];
  /** Where mail for everyone goes: `lmtp:inet:127.0.0.1:2400`, `lmtp:unix:/path`, `smtp:[127.0.0.1]:2500`. */
  transport: string;
  /** Further settings of main.cf. */
  settings?: Record<string, string | number>;
  /** Whether the LMTP client runs in a chroot, as on Debian. */
  isChroot?: boolean;
}

/** The services that every Postfix has, none in a chroot unless a test asks for it. */
const services = `
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp     unix - - n - - smtp
lmtp     unix - - n - - lmtp
error    unix - - n - - error
retry    unix - - n - - error
showq    unix n - n - - showq
anvil    unix - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
`;

/** A message in the queue, as `postqueue -j` has it. */
export interface Queued {
  queue_name: string;
  queue_id: string;
  sender: string;
  recipients: { address: string; delay_reason?: string }[];
}

/** A running Postfix. */
export class Postfix implements AsyncDisposable {
  readonly #directory: string = directory();
  readonly #service: Service;

  private constructor({ listeners, transport, settings, isChroot }: PostfixOptions) {
    const path = this.#directory;
    const main: Record<string, string | number> = {
      compatibility_level: "3.6",
      config_directory: path,
      queue_directory: `${path}/queue`,
      data_directory: `${path}/data`,
      maillog_file: "/dev/stdout",
      myhostname: "postfix.test",
      mydestination: "",
      inet_interfaces: "loopback-only",
      inet_protocols: "all",
      alias_maps: "",
      alias_database: "",
      relay_domains: "mx.test client.test",
      smtpd_relay_restrictions: "reject_unauth_destination",
      relay_transport: transport,
      default_transport: transport,
      // The tests tell it who the client is: one from elsewhere, whose messages it leaves as they are.
      local_header_rewrite_clients: "",
      smtpd_authorized_xclient_hosts: "127.0.0.1",
      smtpd_peername_lookup: "no",
      smtp_dns_support_level: "disabled",
      // Services that are not there, as nothing here needs them.
      smtp_connection_cache_on_demand: "no",
      lmtp_connection_cache_on_demand: "no",
      fast_flush_domains: "",
      ...settings,
    };
    const lines = Object.entries(main).map(([name, value]) => `${name} = ${value}\n`);
    writeFileSync(`${path}/main.cf`, lines.join(""));
    const ports = listeners.map(({ port, settings: own = {} }) => {
      const values = Object.entries(own).map(([name, value]) => ` -o ${name}=${value}`);
      return `127.0.0.1:${port} inet n - n - - smtpd${values.join("")}\n`;
    });
    const all = isChroot ? services.replace("lmtp     unix - - n", "lmtp     unix - - y") : services;
    writeFileSync(`${path}/master.cf`, ports.join("") + all);
    mkdirSync(`${path}/queue`);
    mkdirSync(`${path}/data`);
    const owner = output("id", "-u", output("postconf", "-dh", "mail_owner"));
    chownSync(`${path}/data`, Number(owner), 0);
    // Postfix reopens its stdout to log to it, which needs a pipe: what Bun gives a child is a socket.
    const command = ["sh", "-c", 'postfix -c "$0" start-fg 2>&1 | cat', path];
    // The master process is in a session of its own.
    this.#service = new Service(command, () => void output("postfix", "-c", path, "stop"));
  }

  /** Starts Postfix; it takes mail when it is there. */
  static async start(options: PostfixOptions): Promise<Postfix> {
    const postfix = new Postfix(options);
    await postfix.logged(/daemon started/);
    return postfix;
  }

  /** The queue directory, which relative paths of sockets begin at. */
  get queueDirectory(): string {
    return `${this.#directory}/queue`;
  }

  /** Waits until the log matches. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#service.logged(pattern);
  }

  /** What is in the queue. */
  queue(): Queued[] {
    const lines = output("postqueue", "-c", this.#directory, "-j");
    return lines.split("\n").flatMap((line) => (line === "" ? [] : (JSON.parse(line) as Queued)));
  }

  /** Tries now to deliver what is deferred. */
  flush(): void {
    output("postqueue", "-c", this.#directory, "-f");
  }

  /** Stops all its processes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#service[Symbol.asyncDispose]();
  }
}
