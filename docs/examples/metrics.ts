/**
 * Metrics of the SMTP servers of a process, for Prometheus: it subscribes to their diagnostics channels and serves
 * what it counted at /metrics. Preload it, and the program needs no change:
 *
 *   bun --preload ./metrics.ts mx/main.ts
 */
import { channel, tracingChannel } from "node:diagnostics_channel";
import type {
  AuthEvent,
  CommandTrace,
  ConnectionTrace,
  HookTrace,
  LimitName,
  MessageTrace,
  TLSEvent,
} from "bun-smtp";
import { fail, numberOf, orFail, usage } from "./start.js";

if (import.meta.main) {
  usage(`
Metrics of the SMTP servers of a process, for Prometheus.

  bun --preload ./metrics.ts mx/main.ts

Variables:
  METRICS_HOST  the address to serve them on (127.0.0.1)
  METRICS_PORT  the port (9464), 0 for any free one
`);
  fail("There is no server to count: bun --preload ./metrics.ts and a program that has one");
}

// ---- a metric is a name, a line that says what it means, and a value for each set of labels -------------------

type Labels = Readonly<Record<string, string>>;

const metrics: Metric[] = [];

class Metric {
  readonly #values = new Map<string, number>();
  readonly name: string;
  readonly #head: string;

  constructor(name: string, type: "counter" | "gauge" | "histogram", help: string) {
    this.name = name;
    this.#head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    metrics.push(this);
  }

  add(value: number, labels: Labels = {}, suffix = ""): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    const key = this.name + suffix + (pairs.length > 0 ? `{${pairs.join(",")}}` : "");
    this.#values.set(key, (this.#values.get(key) ?? 0) + value);
  }

  toString(): string {
    return this.#head + [...this.#values].map(([key, value]) => `${key} ${value}\n`).join("");
  }
}

/** What a label may not have as it is. */
function escape(text: string): string {
  return text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
}

/** Counts how many values are at most as large as each limit. */
class Histogram extends Metric {
  static readonly LIMITS: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, Infinity];

  constructor(name: string, help: string) {
    super(name, "histogram", help);
  }

  observe(value: number, labels: Labels): void {
    for (const limit of Histogram.LIMITS) {
      const le = limit === Infinity ? "+Inf" : String(limit);
      this.add(value <= limit ? 1 : 0, { ...labels, le }, "_bucket");
    }
    this.add(value, labels, "_sum");
    this.add(1, labels, "_count");
  }
}

const open = new Metric("smtp_connections", "gauge", "Clients that are connected.");
const connections = new Metric("smtp_connections_total", "counter", "Clients that have connected.");
const commands = new Metric("smtp_commands_total", "counter", "Commands by verb; other: what is none.");
const replies = new Metric("smtp_replies_total", "counter", "Replies by code.");
const messages = new Metric("smtp_messages_total", "counter", "Messages by what came of them.");
const octets = new Metric("smtp_message_octets_total", "counter", "Octets of messages that were received.");
const hooks = new Histogram("smtp_hook_duration_seconds", "Time until a hook has answered.");
const handshakes = new Metric(
  "smtp_tls_handshakes_total",
  "counter",
  "TLS handshakes by version, or failed.",
);
const logins = new Metric("smtp_logins_total", "counter", "Logins by mechanism, and what came of them.");
const refusals = new Metric(
  "smtp_refusals_total",
  "counter",
  "Clients, commands and messages refused by limit.",
);

// What has no labels is 0 from the start, so that a rate is known from the first one on.
for (const metric of [open, connections, octets]) metric.add(0);

// ---- what is counted ----------------------------------------------------------------------------------

/** Subscribes to the ends of a tracing channel. */
function onEnd<T>(name: string, count: (trace: T) => void): void {
  tracingChannel(name).asyncEnd.subscribe((message) => count(message as T));
}

function countReplies(codes: readonly number[], limit: LimitName | undefined): void {
  for (const code of codes) replies.add(1, { code: String(code) });
  if (limit) refusals.add(1, { limit });
}

tracingChannel("bun-smtp:connection").start.subscribe(() => {
  open.add(1);
  connections.add(1);
});
onEnd<ConnectionTrace>("bun-smtp:connection", ({ codes, limit }) => {
  open.add(-1);
  countReplies(codes, limit);
});
onEnd<CommandTrace>("bun-smtp:command", ({ verb, codes, limit }) => {
  // The verb is one that the server knows, or "": clients cannot make up labels.
  commands.add(1, { verb: verb || "other" });
  countReplies(codes, limit);
});
onEnd<HookTrace>("bun-smtp:hook", ({ hook, duration = 0 }) => {
  hooks.observe(duration / 1000, { hook });
});
onEnd<MessageTrace>("bun-smtp:message", ({ outcome = "", octets: size = 0 }) => {
  messages.add(1, { outcome });
  octets.add(size);
});
channel("bun-smtp:auth").subscribe((message) => {
  const { method, outcome } = message as AuthEvent;
  logins.add(1, { method, outcome });
});
channel("bun-smtp:tls").subscribe((message) => {
  const { protocol = "failed" } = message as TLSEvent;
  handshakes.add(1, { protocol });
});

// ---- the page -----------------------------------------------------------------------------------------

const port = numberOf("METRICS_PORT", 9464);
const hostname = process.env["METRICS_HOST"] || "127.0.0.1";
const page = orFail(`METRICS_PORT=${port}`, () =>
  Bun.serve({
    port,
    hostname,
    routes: {
      "/metrics": () =>
        new Response(metrics.join(""), {
          headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
        }),
    },
    fetch: () => new Response("See /metrics\n", { status: 404 }),
  }),
);
// The process lives as long as its servers do.
page.unref();
console.log(`Metrics on ${new URL("/metrics", page.url)}`);
