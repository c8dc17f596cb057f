/** docs/examples/metrics.ts counts what a server does, in the format that Prometheus reads. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SocketClient } from "../support/client.js";
import { rowsOf, codeIn } from "../support/markdown.js";
import { parseMetrics, type Sample } from "../support/prometheus-text.js";

setDefaultTimeout(60_000);

const EXAMPLES = new URL("../../docs/examples/", import.meta.url).pathname;
const PROGRAM = `
  import { SMTPServer } from ${JSON.stringify(join(EXAMPLES, "../../src/index.ts"))};
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    maxRecipients: 1,
    maxClients: 1,
    onAuth: async ({ username }) => (username === "u" ? { user: "u" } : {}),
    onRcptTo: async () => {},
    onData: async (stream) => void (await new Response(stream).arrayBuffer()),
  });
  process.on("SIGTERM", () => server.close());
  await server.listen(0, "127.0.0.1");
  console.log("Listening on port " + server.address().port);
`;

let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;
afterEach(() => {
  child?.kill("SIGKILL");
  child = undefined;
});

/** A program with a server, and the metrics preloaded. */
async function start(): Promise<{ port: number; page: string }> {
  child = Bun.spawn([process.execPath, "--preload", join(EXAMPLES, "metrics.ts"), "-e", PROGRAM], {
    env: { ...process.env, METRICS_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    const [, page] = /^Metrics on (\S+)$/m.exec(said) ?? [];
    const [, port] = /^Listening on port (\d+)$/m.exec(said) ?? [];
    if (page && port) return { port: Number(port), page };
  }
  throw new Error(`Ended: ${said}`);
}

/** The values of a metric by the values of its labels. */
async function read(page: string): Promise<(name: string) => Record<string, number>> {
  const response = await fetch(page);
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const families = parseMetrics(await response.text());
  return (name) => {
    const samples: readonly Sample[] = families.flatMap((family) =>
      family.samples.filter((sample) => sample.name === name),
    );
    return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(" "), value]));
  };
}

/** Waits until a metric has a value: a server hears of a client that leaves a moment later. */
async function until(page: string, name: string, value: number): Promise<void> {
  while ((await read(page))(name)[""] !== value) await new Promise((resolve) => setImmediate(resolve));
}

test("it counts what clients do and what they hear", async () => {
  const { port, page } = await start();
  const fresh = await read(page);
  expect([fresh("smtp_connections"), fresh("smtp_message_octets_total")]).toEqual([{ "": 0 }, { "": 0 }]);

  const client = new SocketClient({ port, host: "127.0.0.1" });
  await client.reply();
  const second = new SocketClient({ port, host: "127.0.0.1" });
  expect(await second.reply()).toStartWith("421 ");
  await client.chat(
    "EHLO x",
    'HUNTER"2\\',
    "X-RANDOM-1",
    `AUTH PLAIN ${btoa("\0x\0p")}`,
    `AUTH PLAIN ${btoa("\0u\0p")}`,
  );
  await client.chat("MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "RCPT TO:<c@b.test>", "DATA", "hi\r\n.");
  second.end();
  await until(page, "smtp_connections", 1);

  const value = await read(page);
  expect(value("smtp_connections_total")).toEqual({ "": 2 });
  expect(value("smtp_commands_total")).toEqual({ EHLO: 1, other: 2, AUTH: 2, MAIL: 1, RCPT: 2, DATA: 1 });
  expect(value("smtp_replies_total")).toEqual({ 235: 1, 250: 4, 354: 1, 421: 1, 452: 1, 500: 2, 535: 1 });
  expect(value("smtp_messages_total")).toEqual({ accepted: 1 });
  expect(value("smtp_message_octets_total")).toEqual({ "": 4 });
  expect(value("smtp_logins_total")).toEqual({ "PLAIN refused": 1, "PLAIN accepted": 1 });
  expect(value("smtp_refusals_total")).toEqual({ maxClients: 1, maxRecipients: 1 });
  expect(value("smtp_hook_duration_seconds_count")).toEqual({ onAuth: 2, onRcptTo: 1, onData: 1 });
  const buckets = Object.entries(value("smtp_hook_duration_seconds_bucket"))
    .filter(([labels]) => labels.startsWith("onAuth "))
    .map(([, count]) => count);
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  expect(buckets.at(-1)).toBe(2);

  await client.say("STARTTLS");
  client.send("no handshake");
  client.end();
  await until(page, "smtp_connections", 0);
  const after = await read(page);
  expect(after("smtp_tls_handshakes_total")).toEqual({ failed: 1 });
  // The greeting is the connection's, which is over only now.
  expect(after("smtp_replies_total")).toMatchObject({ 220: 2 });
});

test("each metric has a line that says what it means, and a row on the page", async () => {
  const { page } = await start();
  const families = parseMetrics(await (await fetch(page)).text());
  for (const { help } of families) expect(help).toMatch(/^[A-Z].*\.$/);
  const rows = rowsOf(readFileSync(join(EXAMPLES, "metrics.md"), "utf8"));
  const said = rows
    .filter(({ heading }) => heading === "What is counted")
    .flatMap(({ cells }) => codeIn(cells[0] ?? ""));
  expect(said.filter((name) => name.startsWith("smtp_"))).toEqual(families.map(({ name }) => name));
  expect((await fetch(new URL("/", page))).status).toBe(404);
});

test("the program ends with its server", async () => {
  await start();
  child?.kill("SIGTERM");
  expect(await child?.exited).toBe(0);
});

describe("without a server it says how it is used:", () => {
  test.each([
    ["--help", /^ {2}bun --preload \S+ \S+$/m, "stdout", 0],
    ["", /^There is no server to count: .*\n$/, "stderr", 1],
  ] as const)("%s", async (argument, pattern, stream, code) => {
    const run = Bun.spawn([process.execPath, join(EXAMPLES, "metrics.ts"), ...(argument ? [argument] : [])], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(await run[stream].text()).toMatch(pattern);
    expect(await run.exited).toBe(code);
  });
});

describe("the reader of metrics", () => {
  const head = "# HELP a b\n# TYPE a counter\n";
  test.each([
    "a 1",
    `${head}b 1\n`,
    `${head}a x\n`,
    `${head}a{b="c\n"} 1\n`,
    `${head}a 1\na 2\n`,
    "# HELP a b\na 1\n",
  ])("refuses %p", (text) => expect(() => parseMetrics(text)).toThrow());
});
