/**
 * Traces of the SMTP servers of a process, with OpenTelemetry: a span for each connection, in it one for each
 * transaction, in that one for each hook. What a hook starts, such as a query, is a child of the hook's span. Preload
 * it, and the program needs no change:
 *
 *   bun add @opentelemetry/api @opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-http
 *   bun --preload ./tracing.ts mx/main.ts
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { CommandTrace, ConnectionTrace, HookTrace, MessageTrace, SMTPSession } from "bun-smtp";
import { fail, usage } from "./start.js";

if (import.meta.main) {
  usage(`
Traces of the SMTP servers of a process, with OpenTelemetry.

  bun --preload ./tracing.ts mx/main.ts

Variables:
  OTEL_EXPORTER_OTLP_ENDPOINT  the collector (http://localhost:4318), and the other variables of OpenTelemetry
`);
  fail("There is no server to trace: bun --preload ./tracing.ts and a program that has one");
}

// ---- OpenTelemetry ------------------------------------------------------------------------------------

const provider = new TracerProvider({
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
});
trace.setGlobalTracerProvider(provider);
const tracer = trace.getTracer("bun-smtp");

/** Which span is active. A store of our own, so that it can be bound to a channel. */
const active = new AsyncLocalStorage<Context>();
context.setGlobalContextManager({
  active: () => active.getStore() ?? ROOT_CONTEXT,
  with: (context, run, self, ...args) => active.run(context, () => run.apply(self as never, args)),
  bind: <T>(context: Context, target: T): T =>
    typeof target === "function"
      ? (((...args: unknown[]) => active.run(context, () => target(...args) as unknown)) as T)
      : target,
  enable() {
    return this;
  },
  disable() {
    return this;
  },
});

// What is not sent when the last server is closed goes out before the process ends.
process.on("beforeExit", () => void provider.shutdown());

// ---- the spans ----------------------------------------------------------------------------------------

const connections = new WeakMap<SMTPSession, Span>();
const transactions = new WeakMap<SMTPSession, Span>();
const hooks = new WeakMap<HookTrace, Span>();

function start(name: string, parent: Span | undefined, attributes: Attributes): Span {
  const kind = parent ? SpanKind.INTERNAL : SpanKind.SERVER;
  return tracer.startSpan(
    name,
    { kind, attributes },
    parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
  );
}

function endTransaction(session: SMTPSession): void {
  transactions.get(session)?.end();
  transactions.delete(session);
}

/** Subscribes to both ends of a tracing channel. */
function subscribe<T>(name: string, ends: { start?(trace: T): void; over(trace: T): void }): void {
  const { start, asyncEnd } = tracingChannel(name);
  if (ends.start) start.subscribe((message) => ends.start?.(message as T));
  asyncEnd.subscribe((message) => ends.over(message as T));
}

subscribe<ConnectionTrace>("bun-smtp:connection", {
  start({ session }) {
    const { remoteAddress, remotePort, localPort } = session;
    const attributes = {
      "client.address": remoteAddress,
      "client.port": remotePort,
      "server.port": localPort,
    };
    connections.set(session, start("smtp connection", undefined, attributes));
  },
  over({ session, limit }) {
    endTransaction(session);
    const span = connections.get(session);
    span?.setAttributes({ "smtp.session": session.id, "smtp.transmission_type": session.transmissionType });
    if (limit) span?.setAttribute("smtp.limit", limit);
    span?.end();
  },
});

subscribe<CommandTrace>("bun-smtp:command", {
  start({ session, verb }) {
    if (verb === "MAIL" && !transactions.has(session))
      transactions.set(session, start("smtp transaction", connections.get(session), {}));
  },
  over({ session, verb, code = 0, limit }) {
    const span = transactions.get(session);
    if (span && code >= 400) span.addEvent("refused", { "smtp.verb": verb, "smtp.code": code });
    if (span && limit) span.setAttribute("smtp.limit", limit);
    // MAIL was refused, or the message was answered, or the client said RSET.
    if (!session.envelope.mailFrom) endTransaction(session);
  },
});

subscribe<MessageTrace>("bun-smtp:message", {
  over({ session, envelope, octets = 0, outcome = "", error }) {
    const span = transactions.get(session);
    span?.setAttributes({
      "smtp.recipients": envelope.rcptTo.length,
      "smtp.octets": octets,
      "smtp.outcome": outcome,
    });
    if (error) span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  },
});

// The span is made where the store is asked for: from there on it is the active one, in the hook and behind its waits.
tracingChannel("bun-smtp:hook").start.bindStore(active, (message) => {
  const hook = message as HookTrace;
  const parent = transactions.get(hook.session) ?? connections.get(hook.session);
  const span = start(hook.hook, parent, {});
  hooks.set(hook, span);
  return trace.setSpan(ROOT_CONTEXT, span);
});
subscribe<HookTrace>("bun-smtp:hook", {
  over(hook) {
    const span = hooks.get(hook);
    span?.setAttribute("smtp.outcome", hook.outcome ?? "");
    if (hook.outcome === "crashed") span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  },
});
