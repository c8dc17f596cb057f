/** The mail catcher of the examples takes Nodemailer's defaults, and what `bunx` starts is in the package. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { pack, run, scratch } from "./drop-in/install.js";
import { createTransport } from "./nodemailer.js";

setDefaultTimeout(60_000);

const folder = await scratch();
const running = new Set<Bun.Subprocess>();
beforeAll(async () => {
  const tarball = await pack(folder);
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ private: true, dependencies: { "bun-smtp": `file:${tarball}` } }),
  );
  await run([process.execPath, "install"], folder);
});
afterAll(async () => {
  for (const child of running) child.kill();
  await rm(folder, { recursive: true });
});

/** Starts the program by its name, as `bunx bun-smtp` does. */
async function start(...options: string[]): Promise<{ port: number; page: string }> {
  const args = ["--port", "0", "--web-port", "0", ...options];
  const child = Bun.spawn([process.execPath, "x", "--no-install", "bun-smtp", ...args], {
    cwd: folder,
    stdout: "pipe",
    stderr: "inherit",
  });
  running.add(child);
  const { value } = await child.stdout.getReader().read();
  const [, port = "", page = ""] =
    /^Listening on port (\d+), the page is (\S+?)\./.exec(new TextDecoder().decode(value)) ?? [];
  return { port: Number(port), page };
}

async function send(port: number, options: object = {}): Promise<string> {
  const transport = createTransport({ host: "127.0.0.1", port, ...options });
  const mail = { from: "a@a.test", to: "b@b.test", subject: "Grüße ✓", text: "Hi" };
  const { response } = await transport.sendMail(mail);
  transport.close();
  return response;
}

test("host and port are enough, and any login will do", async () => {
  const { port, page } = await start();
  expect(await send(port)).toStartWith("250 ");
  expect(await send(port, { auth: { user: "any", pass: "thing" } })).toStartWith("250 ");
  const { messages } = (await (await fetch(`${page}/api/messages`)).json()) as {
    messages: { subject: string }[];
  };
  expect(messages.map(({ subject }) => subject)).toEqual(["Grüße ✓", "Grüße ✓"]);
});

test("--starttls 1 offers a certificate that Nodemailer refuses by default", async () => {
  const { port } = await start("--starttls", "1");
  await expect(send(port)).rejects.toThrow(/self.signed/);
  expect(await send(port, { tls: { rejectUnauthorized: false } })).toStartWith("250 ");
});
