/** docs/examples/tracing.ts with the published SDK of OpenTelemetry, and a collector that reads what it sends. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SocketClient } from "../support/client.js";
import { TEST_TIMEOUT } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);

const ROOT = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "bun-smtp-tracing-"));

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
}

const spans: Span[] = [];
let collector: Bun.Server<undefined>;

/** A project that has copied the example, as its page says. */
beforeAll(() => {
  for (const file of ["tracing.ts", "start.ts"])
    copyFileSync(join(ROOT, "docs/examples", file), join(folder, file));
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  for (const [name, target] of [
    ["bun-smtp", ROOT],
    ["@opentelemetry", join(import.meta.dir, "node_modules/@opentelemetry")],
    ["@types/bun", join(ROOT, "node_modules/@types/bun")],
  ] as const)
    symlinkSync(target, join(folder, "node_modules", name));
  const config = {
    compilerOptions: {
      target: "ESNext",
      module: "NodeNext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["bun"],
      paths: { "bun-smtp": [join(ROOT, "src/index.ts")] },
    },
    files: ["tracing.ts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "server.ts"), PROGRAM);
  collector = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (new URL(request.url).pathname !== "/v1/traces") return new Response(null, { status: 404 });
      const body = (await request.json()) as {
        resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
      };
      spans.push(
        ...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
      );
      return Response.json({});
    },
  });
});
afterAll(async () => {
  await collector.stop(true);
  rmSync(folder, { recursive: true });
});

/** Its onRcptTo does work that has a span of its own, behind a wait. */
const PROGRAM = `
  import { trace } from "@opentelemetry/api";
  import { SMTPServer } from "bun-smtp";
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    async onMailFrom({ address }) {
      if (address === "bad@a.test") throw new Error("no");
    },
    async onRcptTo() {
      await Bun.sleep(1);
      trace.getTracer("program").startSpan("lookup").end();
    },
    onData: async (stream) => void (await new Response(stream).arrayBuffer()),
  });
  process.on("SIGTERM", () => server.close());
  await server.listen(0, "127.0.0.1");
  console.log("Listening on port " + server.address().port);
`;

test("it type-checks in a strict project", async () => {
  const compiler = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "--project", folder], { stdout: "pipe" });
  expect(await compiler.stdout.text()).toBe("");
});

test("a collector gets a span for the connection, each transaction and each hook", async () => {
  const child = Bun.spawn([process.execPath, "--preload", "./tracing.ts", "server.ts"], {
    cwd: folder,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.href },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let port = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    port = Number(/^Listening on port (\d+)$/m.exec(text)?.[1]);
    if (port > 0) break;
  }
  const client = new SocketClient({ port, host: "127.0.0.1" });
  await client.reply();
  await client.chat("EHLO x", "MAIL FROM:<bad@a.test>");
  expect(await client.deliver("hi\r\n")).toStartWith("250 ");
  await client.say("QUIT");
  client.end();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);

  /** Each span by the names of those around it. */
  const paths = spans.map((span) => {
    const names = [span.name];
    for (
      let inner: Span | undefined = span;
      (inner = spans.find(({ spanId }) => spanId === inner?.parentSpanId));
    )
      names.unshift(inner.name);
    return names.join(" > ");
  });
  expect(paths.toSorted()).toEqual([
    "smtp connection",
    "smtp connection > smtp transaction",
    "smtp connection > smtp transaction",
    "smtp connection > smtp transaction > onData",
    "smtp connection > smtp transaction > onMailFrom",
    "smtp connection > smtp transaction > onMailFrom",
    "smtp connection > smtp transaction > onRcptTo",
    "smtp connection > smtp transaction > onRcptTo > lookup",
  ]);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const attributes = spans
    .filter(({ name }) => name === "smtp transaction")
    .map((span) =>
      Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    );
  expect(attributes).toContainEqual({ "smtp.recipients": 1, "smtp.octets": 4, "smtp.outcome": "accepted" });
});
