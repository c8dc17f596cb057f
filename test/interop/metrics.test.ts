/** docs/examples/metrics.ts, read by a Prometheus that is configured as its page says. */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SocketClient } from "../support/client.js";
import { program, TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);

const EXAMPLES = new URL("../../docs/examples/", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "bun-smtp-metrics-"));
const children: Bun.Subprocess[] = [];
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => child.exited));
  rmSync(folder, { recursive: true });
});

/** The example mx with the metrics preloaded: the port of its server, and that of the metrics. */
async function startExample(): Promise<[smtp: number, metrics: number]> {
  const preload = ["--preload", join(EXAMPLES, "metrics.ts"), join(EXAMPLES, "mx/main.ts")];
  const env = { ...process.env, METRICS_PORT: "0", PORT: "0", DATABASE: join(folder, "mx.sqlite") };
  const add = Bun.spawn([process.execPath, join(EXAMPLES, "mx/main.ts"), "add", "b@b.test"], {
    env,
    stdout: "pipe",
  });
  expect(await add.exited).toBe(0);
  const child = Bun.spawn([process.execPath, ...preload], { env, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    const [, metrics] = /^Metrics on http:\/\/127\.0\.0\.1:(\d+)\/metrics$/m.exec(said) ?? [];
    const [, smtp] = /^Listening on port (\d+)/m.exec(said) ?? [];
    if (metrics && smtp) return [Number(smtp), Number(metrics)];
  }
  throw new Error(`Ended: ${said}`);
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** What Prometheus has for a query: values by the values of their labels. */
async function query(prometheus: string, text: string): Promise<Record<string, number>> {
  const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(text)}`).catch(
    () => undefined,
  );
  if (!response?.ok) return {};
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return Object.fromEntries(
    data.result.map(({ metric, value }) => {
      const { __name__: _, instance: _i, job: _j, ...labels } = metric;
      return [Object.values(labels).join(" "), Number(value[1])];
    }),
  );
}

testWith("prometheus", "promtool")("Prometheus reads what a server did", async () => {
  const [smtp, metrics] = await startExample();
  const client = new SocketClient({ port: smtp, host: "127.0.0.1" });
  await client.reply();
  await client.chat("EHLO x", "FOO");
  expect(await client.deliver("x".repeat(100) + "\r\n")).toStartWith("250 ");

  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  const check = Bun.spawn([program("promtool") ?? "", "check", "metrics"], {
    stdin: new Blob([text]),
    stdout: "pipe",
    stderr: "pipe",
  });
  expect((await check.stdout.text()) + (await check.stderr.text())).toBe("");
  expect(await check.exited).toBe(0);

  const port = freePort();
  const config = join(folder, "prometheus.yml");
  writeFileSync(
    config,
    `global:
  scrape_interval: 250ms
  scrape_timeout: 250ms
scrape_configs:
  - job_name: smtp
    static_configs:
      - targets: ["127.0.0.1:${metrics}"]
`,
  );
  children.push(
    Bun.spawn(
      [
        program("prometheus") ?? "",
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "tsdb")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ["ignore", "ignore", "ignore"] },
    ),
  );
  const prometheus = `http://127.0.0.1:${port}`;
  while ((await query(prometheus, "smtp_messages_total"))["accepted"] !== 1) await Bun.sleep(100);

  expect(await query(prometheus, "smtp_connections")).toEqual({ "": 1 });
  expect(await query(prometheus, "smtp_commands_total")).toEqual({
    EHLO: 1,
    other: 1,
    MAIL: 1,
    RCPT: 1,
    DATA: 1,
  });
  expect(await query(prometheus, 'smtp_replies_total{code="500"}')).toEqual({ "500": 1 });
  expect(await query(prometheus, "smtp_message_octets_total")).toEqual({ "": 102 });
  const quantile = 'histogram_quantile(0.5, smtp_hook_duration_seconds_bucket{hook="onData"})';
  expect((await query(prometheus, quantile))["onData"]).toBeGreaterThan(0);
  // Prometheus knows the line that says what each is.
  const metadata = await (
    await fetch(`${prometheus}/api/v1/metadata?metric=smtp_hook_duration_seconds`)
  ).json();
  expect(metadata).toMatchObject({
    data: { smtp_hook_duration_seconds: [{ type: "histogram", help: "Time until a hook has answered." }] },
  });
});
