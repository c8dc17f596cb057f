/** The programs of docs/examples run, and do what they say. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../support/certificates.js";
import { SocketClient } from "../support/client.js";
import { Program as Example } from "../support/program.js";

setDefaultTimeout(120_000);

const ROOT = new URL("../..", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "bun-smtp-docs-"));
afterAll(() => rmSync(directory, { recursive: true }));

class Program extends Example {
  constructor(
    file: string,
    args: readonly string[] = [],
    env: Record<string, string> = {},
    within: readonly string[] = [],
  ) {
    super(file, args, { cwd: directory, env, within });
  }
}

async function connect(to: { port: number; host: string } | { path: string }): Promise<SocketClient> {
  const client = new SocketClient(to);
  expect(await client.reply()).toStartWith("220 ");
  expect(await client.say("path" in to ? "LHLO client.test" : "EHLO client.test")).toStartWith("250");
  return client;
}

const at = (port: number) => connect({ port, host: "127.0.0.1" });

/** Runs a program that is to end by itself. */
async function run(file: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, join(ROOT, "docs/examples", file), ...args], {
    cwd: directory,
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

describe("docs/examples", () => {
  describe("a start that fails is one line on stderr and code 1:", () => {
    const text = join(directory, "text.txt");
    const [first, second] = ["a.test", "b.test"].map((name) => createAuthority("Test CA").issue(name));
    const pem = (name: string, content = ""): string => {
      writeFileSync(join(directory, name), content);
      return join(directory, name);
    };
    const CERT = pem("first.crt", first?.cert);
    const KEY = pem("first.key", first?.key);
    const OTHER = pem("second.key", second?.key);
    const busy = join(directory, "busy.sock");
    let taken: Bun.TCPSocketListener;
    let path: Bun.UnixSocketListener<undefined>;
    let port = "";
    beforeAll(() => {
      writeFileSync(text, "no such file as is wanted\n".repeat(100));
      taken = Bun.listen({ hostname: "0.0.0.0", port: 0, socket: { data() {} } });
      path = Bun.listen({ unix: busy, socket: { data() {} } });
      port = String(taken.port);
    });
    afterAll(() => {
      taken.stop(true);
      path.stop(true);
    });

    const WORKING = { TLS_PORT: "0", WEB_PORT: "0", WEBHOOK: "http://127.0.0.1:9/", WORKERS: "1" };

    test.each([
      ["mx/main.ts", "PORT", "65536"],
      ["submission.ts", "TLS_PORT", "abc"],
      ["webhook.ts", "PORT", "-1"],
      ["cluster.ts", "PORT", "1e3"],
      ["catcher/main.ts", "PORT", "abc"],
      ["catcher/main.ts", "WEB_PORT", "25 "],
    ])("%s, %s is in use, or %j", async (file, name, value) => {
      const busy = await run(file, [], { ...WORKING, [name]: port });
      expect(busy.stderr).toEndWith(`${name}=${port}: in use by another program, choose another one\n`);
      expect(busy.stderr).not.toContain("    at ");
      expect(busy.code).toBe(1);
      const wrong = await run(file, [], { ...WORKING, [name]: value });
      expect(wrong.stderr).toEndWith(`${name}=${value}: must be a number from 0 to 65535\n`);
      expect(wrong.code).toBe(1);
    });

    const NO_OPTION = "--no-such: no such option, --help lists what there is\n";
    test.each<[file: string, args: string[], env: Record<string, string>, stderr: string | RegExp]>([
      ["mx/main.ts", ["--no-such"], {}, NO_OPTION],
      ["lmtp.ts", ["--no-such"], {}, NO_OPTION],
      ["catcher/main.ts", ["--no-such"], {}, "Unknown option '--no-such': --help lists what there is\n"],
      ["catcher/main.ts", ["1025"], {}, "Unexpected argument '1025': --help lists what there is\n"],
      ["catcher/main.ts", ["--port", "abc"], {}, "PORT=abc: must be a number from 0 to 65535\n"],
      ["catcher/main.ts", [], { STARTTLS: "yes" }, "STARTTLS=yes: must be a number from 0 to 1\n"],
      ["catcher/main.ts", [], { FAIL: "rcpt" }, /^FAIL=rcpt: rcpt: .*, as in rcpt:451:20\n$/],
      ["mx/main.ts", [], { FREE: "10%" }, "FREE=10%: must be a number from 0 to 999999999\n"],
      ["mx/main.ts", ["ad", "b@b.test"], {}, "ad: no such command, --help lists what there is\n"],
      ["submission.ts", ["list"], {}, "list: no such command, --help lists what there is\n"],
      ["submission.ts", ["add"], {}, "add: the name of a user is missing, as in add user@example.com\n"],
      ["submission.ts", ["add", "a@a.test"], { PASSWORD: "" }, /^add: a password is missing, .*\n$/],
      ["webhook.ts", [], { WEBHOOK: "" }, /^WEBHOOK is not set: .*\n$/],
      ["webhook.ts", [], { WEBHOOK: "ftp://a" }, "WEBHOOK=ftp://a: not a URL of http or https\n"],
      ["cluster.ts", [], { WORKERS: "four" }, "WORKERS=four: must be a number from 0 to 1000\n"],
      ["lmtp.ts", [busy, "mail"], {}, `${busy}: in use by another program, choose another one\n`],
      ["lmtp.ts", ["none/lmtp.sock", "mail"], {}, /^none\/lmtp\.sock: .*no such file.*\n$/],
      ["lmtp.ts", ["lmtp.sock", text], {}, /^.*text\.txt: .*\n$/],
      [
        "mx/main.ts",
        [],
        { DATABASE: "none/x.sqlite" },
        "DATABASE=none/x.sqlite: unable to open database file\n",
      ],
      ["mx/main.ts", [], { DATABASE: text }, `DATABASE=${text}: file is not a database\n`],
      ["catcher/main.ts", [], { DATABASE: text }, `DATABASE=${text}: file is not a database\n`],
    ])("%s %j with %j", async (file, args, env, expected) => {
      const { code, stdout, stderr } = await run(file, args, { ...WORKING, ...env });
      if (typeof expected === "string") expect(stderr).toBe(expected);
      else expect(stderr).toMatch(expected);
      expect(stdout).not.toContain("Listening");
      expect(code).toBe(1);
    });

    test.each<[file: string, mistake: string, Record<string, string>, RegExp]>([
      ["mx/main.ts", "without its key", { CERT }, /^CERT, KEY: KEY is not set, a certificate needs both\n$/],
      ["submission.ts", "that is not there", { CERT: "none.crt", KEY }, /^CERT, KEY: .*none\.crt.*\n$/],
      ["catcher/main.ts", "that is none", { CERT: text, KEY }, /^CERT, KEY: cert: .*\n$/],
      ["mx/main.ts", "of another key", { CERT, KEY: OTHER }, /^CERT, KEY: .*\n$/],
    ])("%s, a certificate %s", async (file, _, pair, expected) => {
      const { code, stderr } = await run(file, [], { ...WORKING, DATABASE: ":memory:", ...pair });
      expect(stderr).toMatch(expected);
      expect(code).toBe(1);
    });
  });

  test.each(["mx/main.ts", "submission.ts", "lmtp.ts", "webhook.ts", "cluster.ts", "catcher/main.ts"])(
    "%s --help says how it is used, on stdout, whatever else is wrong",
    async (file) => {
      const { code, stdout, stderr } = await run(file, ["--help"], { PORT: "abc", WEBHOOK: "" });
      expect(stdout).toMatch(/^ {2}(?:\w+=\S+ )*bunx? /m);
      expect(stdout).not.toMatch(/^\n|\n\n$/);
      expect(stderr).toBe("");
      expect(code).toBe(0);
    },
  );

  describe("catcher", () => {
    test("prints a mail and shows it on its page, and ends at SIGINT", async () => {
      const catcher = new Program("catcher/main.ts", [], { WEB_PORT: "0" });
      const [, port, page] = await catcher.prints(/^Listening on port (\d+), the page is (\S+)\. Ctrl-C/);
      const client = await at(Number(port));
      expect(await client.deliver("Subject: Hello\r\n\r\nIs this thing on?\x1b[2J\r\n")).toStartWith("250 ");
      await catcher.prints(/^--- from 127\.0\.0\.1, 41 bytes$/);
      await catcher.prints(/^From: {4}<a@a\.test>$/);
      await catcher.prints(/^To: {6}<b@b\.test>$/);
      await catcher.prints(/^Subject: Hello$/);
      await catcher.prints(/^ {2}Is this thing on\?\ufffd\[2J$/);
      const list = await fetch(`${page}/api/messages`);
      expect(await list.json()).toMatchObject({ messages: [{ subject: "Hello", rcptTo: ["b@b.test"] }] });
      client.end();
      expect(await catcher.ends()).toBe(0);
    });
  });

  test("cluster.ts takes mail, starts a worker again that was killed, and ends at SIGTERM", async () => {
    const cluster = new Program("cluster.ts", [], { WORKERS: "2" });
    const [, port, pids = ""] = await cluster.prints(/^Listening on port (\d+) with 2 workers: ([\d ]+)$/);
    const workers = pids.split(" ").map(Number);
    expect(workers).toHaveLength(2);
    const deliver = async (): Promise<number> => {
      const client = await at(Number(port));
      const [, pid] = /^250 taken by (\d+)$/.exec((await client.deliver()) ?? "") ?? [];
      await client.say("QUIT");
      return Number(pid);
    };
    expect(workers).toContain(await deliver());

    const killed = workers[0] as number;
    process.kill(killed, "SIGKILL");
    await cluster.prints(new RegExp(`^Worker ${killed} ended with SIGKILL, next in \\d+ ms$`));
    // The kernel chooses who gets a connection: sooner or later it is the new one.
    while (workers.includes(await deliver()));
    expect(await cluster.ends("SIGTERM")).toBe(0);
  });

  test("lmtp.ts delivers into Maildirs, with an answer for each recipient", async () => {
    mkdirSync(join(directory, "mail/ann"), { recursive: true });
    mkdirSync(join(directory, "mail/bob"), { recursive: true });
    const path = join(directory, "lmtp.sock");
    const lmtp = new Program("lmtp.ts", [path, join(directory, "mail")]);
    await lmtp.prints(/^Listening on /);
    const client = await connect({ path });
    const replies = await client.chat(
      "MAIL FROM:<a@a.test>",
      "RCPT TO:<ann@mx.test>",
      "RCPT TO:<Bob@mx.test>",
      "RCPT TO:<carl@mx.test>",
      "RCPT TO:<..@mx.test>",
      'RCPT TO:<"../ann"@mx.test>',
      "DATA",
    );
    expect(replies.map((reply) => reply?.slice(0, 9))).toEqual([
      "250 2.1.0",
      "250 2.1.5",
      "250 2.1.5",
      "550 5.1.1",
      "501 5.1.3",
      "550 5.1.1",
      "354 End d",
    ]);
    expect(await client.say("Subject: x\r\n\r\nhi\r\n.")).toBe("250 2.6.0 Delivered to ann@mx.test");
    expect(await client.reply()).toBe("250 2.6.0 Delivered to Bob@mx.test");
    for (const name of ["ann", "bob"]) {
      const [file = "", ...more] = readdirSync(join(directory, "mail", name, "new"));
      expect(more).toEqual([]);
      expect(readFileSync(join(directory, "mail", name, "new", file), "utf8")).toBe(
        "Return-Path: <a@a.test>\r\nSubject: x\r\n\r\nhi\r\n",
      );
      expect(readdirSync(join(directory, "mail", name, "tmp"))).toEqual([]);
    }
    expect(readdirSync(join(directory, "mail/.spool"))).toEqual([]);
    client.end();
    expect(await lmtp.ends("SIGTERM")).toBe(0);
  });

  test("lmtp.ts refuses a message of which the disk takes only a part", async () => {
    const root = join(directory, "full");
    mkdirSync(join(root, "ann"), { recursive: true });
    const path = join(directory, "full.sock");
    // Files may have 16 kB: the write that reaches the limit is cut short, and only the next one fails.
    const limit = ["bash", "-c", 'trap "" XFSZ; ulimit -f 16; exec "$@"', "bash"];
    const lmtp = new Program("lmtp.ts", [path, root], {}, limit);
    await lmtp.prints(/^Listening on /);
    const client = await connect({ path });
    await client.chat("MAIL FROM:<a@a.test>", "RCPT TO:<ann@mx.test>", "DATA");
    const text = `${"x".repeat(78)}\r\n`.repeat(250);
    expect(await client.say(`Subject: x\r\n\r\n${text}.`)).toStartWith("451 4.3.0 ");
    expect(readdirSync(join(root, "ann"))).toEqual([]);
    expect(readdirSync(join(root, ".spool"))).toEqual([]);
    client.end();
    expect(await lmtp.ends("SIGTERM")).toBe(0);
  });

  test("submission.ts lets in users with a record, over TLS alone, and under no other name", async () => {
    const env = { DATABASE: join(directory, "users.sqlite"), TLS_PORT: "0", PASSWORD: "pencil" };
    const add = new Program("submission.ts", ["add", "user@a.test"], env);
    await add.prints(/may log in/);
    expect(await add.exited).toBe(0);

    const submission = new Program("submission.ts", [], env);
    const plain = await at(await submission.port());
    expect(await plain.say("AUTH PLAIN AGEAYg==")).toBe("530 5.7.0 Must issue a STARTTLS command first");
    plain.end();
    const port = await submission.port();
    const { connect: connectTLS } = await import("node:tls");
    const socket = connectTLS({ port, host: "127.0.0.1", rejectUnauthorized: false });
    const replies = socket.setEncoding("latin1")[Symbol.asyncIterator]() as AsyncIterator<string>;
    const say = async (line: string): Promise<string> => {
      if (line !== "") socket.write(`${line}\r\n`);
      return ((await replies.next()).value as string).trimEnd();
    };
    const login = (password: string) => say(`AUTH PLAIN ${btoa(`\0user@a.test\0${password}`)}`);
    expect(await say("")).toStartWith("220 ");
    expect(await say("EHLO client.test")).toContain("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN");
    expect(await login("no")).toStartWith("535 ");
    expect(await login("pencil")).toStartWith("235 ");
    expect(await say("MAIL FROM:<other@a.test>")).toStartWith("553 5.7.1 ");
    expect(await say("MAIL FROM:<user@a.test>")).toStartWith("250 ");
    expect(await say("RCPT TO:<b@b.test>")).toStartWith("250 ");
    expect(await say("DATA")).toStartWith("354 ");
    expect(await say("Subject: x\r\n\r\nhi\r\n.")).toStartWith("250 ");
    await submission.prints(/^user@a\.test to b@b\.test: 18 bytes over ESMTPSA$/);
    socket.destroy();
    expect(await submission.ends("SIGTERM")).toBe(0);
  });

  test("the tests that testing/ shows pass", async () => {
    const file = join(ROOT, "docs/examples/testing/sign-up.test.ts");
    const run = Bun.spawn([process.execPath, "test", file], { stdout: "pipe", stderr: "pipe" });
    expect(await run.stderr.text()).toMatch(/^ [1-9]\d* pass\n 0 fail$/m);
    expect(await run.exited).toBe(0);
  });

  describe("webhook.ts", () => {
    let status = 200;
    const posted: { headers: Headers; body: string }[] = [];
    let hook: Bun.Server<undefined>;
    beforeAll(() => {
      hook = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        async fetch(request) {
          if (request.method !== "POST") return new Response();
          posted.push({ headers: request.headers, body: await request.text() });
          return new Response(null, { status, headers: { Location: "/" } });
        },
      });
    });
    afterAll(() => hook.stop(true));

    test("posts a mail, and answers as the other side does", async () => {
      const program = new Program("webhook.ts", [], { WEBHOOK: hook.url.href, DOMAIN: "b.test" });
      const client = await at(await program.port());
      expect(await client.deliver()).toStartWith("250 ");
      expect(posted[0]?.body).toBe("Subject: x\r\n\r\nhi\r\n");
      expect(posted[0]?.headers.get("X-Mail-From")).toBe("a%40a.test");
      expect(posted[0]?.headers.get("X-Rcpt-To")).toBe("b%40b.test");
      expect(posted[0]?.headers.get("Content-Type")).toBe("message/rfc822");
      for (const [answer, reply] of [
        [302, "451 4.3.0 "],
        [503, "451 4.3.0 "],
        [429, "451 4.3.0 "],
        [422, "554 5.6.0 "],
      ] as const) {
        status = answer;
        expect(await client.deliver()).toStartWith(reply);
      }
      await client.say("MAIL FROM:<a@a.test>");
      expect(await client.say("RCPT TO:<b@elsewhere.test>")).toStartWith("550 ");
      client.end();
      expect(await program.ends("SIGTERM")).toBe(0);
    });
  });
});
