/** The programs of a fleet and their configuration, on one machine: for a look, and for the tests. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const HERE: string = import.meta.dir;
/** A program that is not there after this many milliseconds never will be. */
const LONGEST_START = 60_000;

/** The path of a program; also of those that Debian keeps where only root looks. */
export function find(name: string): string | undefined {
  return Bun.which(name, { PATH: `${process.env["PATH"]}:/usr/local/sbin:/usr/sbin:/sbin` }) ?? undefined;
}

/** What is missing to start a fleet, each with what to do about it. */
export function missing(): string[] {
  const programs = ["nats-server", "haproxy"].filter((name) => find(name) === undefined);
  const found = programs.map((name) => `${name} is not installed (Debian: apt-get install ${name})`);
  try {
    Bun.resolveSync("@nats-io/transport-node", HERE);
  } catch {
    found.push(`The NATS client is not installed (bun install --cwd ${HERE})`);
  }
  return found;
}

/** The configuration of one NATS server of three. */
export function natsConfig(
  name: string,
  folder: string,
  { host, client, monitor, route }: NatsAddress,
  all: readonly NatsAddress[],
  more = "",
): string {
  return `server_name: ${name}
listen: "${host}:${client}"
http: "${host}:${monitor}"
jetstream { store_dir: "${folder}"${more} }
cluster {
  name: fleet
  listen: "${host}:${route}"
  routes: [${all.map((other) => `"nats://${other.host}:${other.route}"`).join(", ")}]
}
`;
}

/** The configuration of HAProxy. */
export function haproxyConfig(
  port: number,
  receivers: readonly { smtp: number; health: number }[],
  perAddress: number,
): string {
  return `global
  maxconn 4000

defaults
  mode tcp
  timeout connect 2s
  timeout client 11m
  timeout server 11m
  # A receiver that does not accept the connection: the next one gets it.
  retries 3
  option redispatch 1

frontend smtp
  bind :${port}
  # The limits for an address hold for all receivers together.
  stick-table type ipv6 size 1m expire 10m store conn_cur,conn_rate(60s)
  tcp-request connection track-sc0 src
  tcp-request connection reject if { sc0_conn_cur gt ${perAddress} }
  tcp-request connection reject if { sc0_conn_rate gt ${perAddress * 30} }
  default_backend receivers

backend receivers
  balance leastconn
  option httpchk GET /
  default-server send-proxy-v2 check inter 500ms fall 1 rise 1
${receivers
  .map(({ smtp, health }, at) => `  server r${at + 1} 127.0.0.1:${smtp} port ${health}\n`)
  .join("")}`;
}

/** Where a NATS server listens. */
export interface NatsAddress {
  host: string;
  client: number;
  monitor: number;
  route: number;
}

/** A program that can be ended and started again. Its output goes to a file. */
export class Machine {
  readonly name: string;
  readonly #command: readonly string[];
  readonly #env: Record<string, string>;
  readonly #log: string;
  readonly #isReady: () => Promise<boolean>;
  #child: Bun.Subprocess | undefined;

  constructor(
    name: string,
    command: readonly string[],
    { env = {}, log, isReady }: { env?: Record<string, string>; log: string; isReady(): Promise<boolean> },
  ) {
    this.name = name;
    this.#command = command;
    this.#env = env;
    this.#log = log;
    this.#isReady = isReady;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Its process, and those that it has started. */
  get pids(): number[] {
    return this.#child ? [this.#child.pid, ...childrenOf(this.#child.pid)] : [];
  }

  /** What it has printed so far. */
  get output(): string {
    return readFileSync(this.#log, "utf8");
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it, and waits until it is ready. */
  async start(): Promise<void> {
    this.spawn();
    await this.ready();
  }

  spawn(): void {
    const log = openSync(this.#log, "a");
    this.#child = Bun.spawn([...this.#command], {
      env: { ...(process.env as Record<string, string>), ...this.#env },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
  }

  async ready(): Promise<void> {
    const deadline = Date.now() + LONGEST_START;
    while (!(await this.#isReady().catch(() => false))) {
      if (!this.isRunning || Date.now() > deadline)
        throw new Error(`${this.name} does not start:\n${this.output.slice(-2000)}`);
      await Bun.sleep(50);
    }
  }

  /** Ends it, and waits. SIGKILL goes to the processes that it has started as well. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const pids = signal === "SIGKILL" ? this.pids : [child.pid];
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
    await child.exited;
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** How a fleet is to be. */
export interface FleetOptions {
  /** A folder for all that it writes. */
  folder: string;
  /** The port of HAProxy; a free one if it is not given. */
  port?: number;
  /** Names of the mailboxes of example.com. */
  mailboxes: readonly string[];
  receivers?: number;
  deliverers?: number;
  /** Connections that one address may have. */
  perAddress?: number;
  /** Variables of receivers and deliverers. */
  env?: Record<string, string>;
  /** Further settings of JetStream, with a comma in front. */
  jetstream?: string;
  /** Where the NATS servers are, counted from 1. */
  place?(nth: number): Place;
}

/** Where a NATS server is. */
export interface Place {
  host: string;
  /** What runs it, such as `ip netns exec n1`. */
  prefix: readonly string[];
  /** Its folder. */
  store?: string;
}

/** A whole fleet: three NATS servers, HAProxy, receivers, deliverers and the LMTP server of the examples. */
export class Fleet implements AsyncDisposable {
  readonly port: number;
  readonly mail: string;
  /** The addresses of the NATS servers, as the variable `NATS` has them. */
  readonly servers: string;
  readonly nats: readonly Machine[];
  readonly receivers: readonly Machine[];
  /** Where the receivers listen. */
  readonly behind: readonly { smtp: number; health: number }[];
  readonly deliverers: readonly Machine[];
  readonly haproxy: Machine;
  readonly lmtp: Machine;
  readonly #monitors: readonly string[];

  constructor(options: FleetOptions) {
    const { folder, mailboxes, env } = options;
    const { receivers = 2, deliverers = 1, perAddress = 20 } = options;
    const ports = freePorts(1 + 3 * 3 + 2 * receivers);
    const next = (): number => ports.pop() as number;
    const log = (name: string): string => join(folder, "log", `${name}.log`);
    const bun = (program: string, ...args: string[]): string[] => [
      process.execPath,
      join(HERE, program),
      ...args,
    ];
    this.port = options.port ?? next();
    this.mail = join(folder, "mail");
    mkdirSync(join(folder, "log"), { recursive: true });
    for (const name of mailboxes) mkdirSync(join(this.mail, name), { recursive: true });

    const here: Place = { host: "127.0.0.1", prefix: [] };
    const places = [1, 2, 3].map((nth) => options.place?.(nth) ?? here);
    const addresses = places.map(({ host }) => ({ host, client: next(), monitor: next(), route: next() }));
    this.servers = addresses.map(({ host, client }) => `${host}:${client}`).join(",");
    this.#monitors = addresses.map(({ host, monitor }) => `http://${host}:${monitor}`);
    this.nats = addresses.map((address, at) => {
      const name = `n${at + 1}`;
      const config = join(folder, `${name}.conf`);
      const { prefix, store = join(folder, name) } = places[at] as Place;
      writeFileSync(config, natsConfig(name, store, address, addresses, options.jetstream));
      return new Machine(name, [...prefix, find("nats-server") ?? "nats-server", "-c", config], {
        log: log(name),
        isReady: async () => (await fetch(`${this.#monitors[at]}/varz`)).ok,
      });
    });

    const shared = {
      NATS: this.servers,
      DOMAINS: "example.com",
      TRUST: "127.0.0.1",
      DRAIN: "1500",
      WORKERS: "1",
      LMTP: join(folder, "lmtp.sock"),
      ...env,
    };
    this.behind = Array.from({ length: receivers }, () => ({ smtp: next(), health: next() }));
    this.receivers = this.behind.map(({ smtp, health }, at) => {
      const name = `r${at + 1}`;
      return new Machine(name, bun("receiver.ts"), {
        env: { ...shared, NAME: `${name}.example.com`, PORT: `${smtp}`, HEALTH: `${health}` },
        log: log(name),
        isReady: async () => (await fetch(`http://127.0.0.1:${health}`)).ok,
      });
    });

    writeFileSync(join(folder, "haproxy.cfg"), haproxyConfig(this.port, this.behind, perAddress));
    const haproxy = find("haproxy") ?? "haproxy";
    this.haproxy = new Machine("haproxy", [haproxy, "-db", "-f", join(folder, "haproxy.cfg")], {
      log: log("haproxy"),
      isReady: () => greets(this.port),
    });
    this.lmtp = new Machine("lmtp", bun("../lmtp.ts", shared.LMTP, this.mail), {
      log: log("lmtp"),
      isReady: async () => this.lmtp.output.includes("Listening"),
    });
    this.deliverers = Array.from({ length: deliverers }, (_, at) => {
      const machine: Machine = new Machine(`d${at + 1}`, bun("deliver.ts"), {
        env: { ...shared, NAME: `d${at + 1}.example.com` },
        log: log(`d${at + 1}`),
        isReady: async () => machine.output.includes("Delivering"),
      });
      return machine;
    });
  }

  /** Starts all, in the order in which they need each other. */
  async start(): Promise<void> {
    await Promise.all([...this.nats, this.lmtp].map((machine) => machine.start()));
    // The first receiver makes the streams.
    await this.receivers[0]?.start();
    const others = [...this.receivers.slice(1), ...this.deliverers];
    await Promise.all(others.map((machine) => machine.start()));
    await this.haproxy.start();
  }

  /** Restarts the receivers one after the other, each when HAProxy has seen that the one before is back. */
  async restartReceivers(): Promise<void> {
    for (const receiver of this.receivers) {
      const seen = (): number => this.haproxy.output.split(`receivers/${receiver.name} is UP`).length;
      const before = seen();
      await receiver.stop();
      await receiver.start();
      while (seen() === before) await Bun.sleep(50);
    }
  }

  /** The NATS server that leads a stream; `undefined` while none does. */
  async leader(stream = "MAIL"): Promise<Machine | undefined> {
    const details = await this.streams();
    const name = details.find((detail) => detail.name === stream)?.cluster?.leader;
    return this.nats.find((machine) => machine.name === name);
  }

  /** Waits until each NATS server runs and has all of each stream: until then a second fault may lose messages. */
  async whole(within = 120_000): Promise<void> {
    const deadline = Date.now() + within;
    while (!(await this.#isWhole())) {
      if (Date.now() > deadline) throw new Error(`The NATS servers are not whole after ${within} ms`);
      await Bun.sleep(200);
    }
  }

  async #isWhole(): Promise<boolean> {
    const views = await Promise.all(this.nats.map((machine) => this.streams([machine])));
    return ["MAIL", "MAIL_DEAD", "OBJ_mail"].every((stream) => {
      const details = views.map((view) => view.find(({ name }) => name === stream));
      const leaders = new Set(details.map((detail) => detail?.cluster?.leader));
      const at = this.nats.findIndex(({ name }) => leaders.has(name));
      const { replicas = [] } = details[at]?.cluster ?? {};
      const isCurrent =
        replicas.length === 2 && replicas.every(({ current, offline }) => current && !offline);
      return leaders.size === 1 && isCurrent;
    });
  }

  /** What the first of these NATS servers that answers says about the streams. */
  async streams(servers: readonly Machine[] = this.nats): Promise<StreamDetail[]> {
    for (const machine of servers) {
      if (!machine.isRunning) continue;
      try {
        const monitor = this.#monitors[this.nats.indexOf(machine)];
        const url = `${monitor}/jsz?accounts=true&streams=true`;
        const reply = await fetch(url, { signal: AbortSignal.timeout(2000) });
        const { account_details = [] } = (await reply.json()) as {
          account_details?: { stream_detail?: StreamDetail[] }[];
        };
        return account_details.flatMap(({ stream_detail = [] }) => stream_detail);
      } catch {
        // The next one may answer.
      }
    }
    return [];
  }

  /** All of them, in the order in which they need each other. */
  get machines(): readonly Machine[] {
    return [...this.nats, this.lmtp, ...this.receivers, ...this.deliverers, this.haproxy];
  }

  /** Ends all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.stop("SIGKILL")));
  }
}

/** A stream, as a NATS server's page `jsz` has it. */
export interface StreamDetail {
  name: string;
  cluster?: { leader?: string; replicas?: { name: string; current: boolean; offline?: boolean }[] };
  state: { messages: number; bytes: number };
}

async function greets(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("data", (data) => (resolve(data.toString("latin1").startsWith("220")), socket.destroy()));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

/** Ports of this machine that are free now. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }),
  );
  const ports = listeners.map(({ port }) => port);
  for (const listener of listeners) listener.stop(true);
  return ports;
}
