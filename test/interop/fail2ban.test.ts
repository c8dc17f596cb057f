/** The filter of the deployment guide, read by fail2ban itself, with what the console logger really wrote. */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "./behind/client.js";
import { run, testWith, TEST_TIMEOUT } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);

const directory = mkdtempSync(join(tmpdir(), "fail2ban-"));
afterAll(() => rmSync(directory, { recursive: true }));

const page = readFileSync(new URL("../../docs/guide/deployment.md", import.meta.url), "utf8");

/** Writes a file of the page below the directory that stands for /etc/fail2ban. */
function written(path: string): string {
  const block = new RegExp(`\`\`\`ini\\n# /etc/fail2ban/${path}\\n([^]*?)\`\`\``).exec(page);
  const file = join(directory, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, block?.[1] ?? "");
  return file;
}

const SERVER = `
  import { SMTPServer } from ${JSON.stringify(new URL("../../src/index.js", import.meta.url).pathname)};
  const server = new SMTPServer({
    logger: true, useProxy: true, allowInsecureAuth: true, disableReverseLookup: true, authOptional: true,
    lenientAddressParsing: true, maxErrors: 4,
    onAuth: ({ username, password }, _session, callback) =>
      callback(null, password === "right" ? { user: username } : {}),
    onMailFrom({ address }) { throw new Error("no " + address + "\\r\\n" + ${JSON.stringify(forged("192.0.2.250"))}); },
  });
  await server.listen(0, "127.0.0.1");
  console.error("port " + server.address().port);
  process.stdin.on("end", () => server.close()).resume();
`;

/** A line of the log, as a client would like there to be one about another address. */
function forged(address: string): string {
  const time = new Date().toISOString();
  return `[${time}] INFO  [0123456789abcdef] [${address}]:25 Authentication failed for a using PLAIN`;
}

const plain = (name: string, password: string): string => `AUTH PLAIN ${btoa(`\0${name}\0${password}`)}`;
const utf8 = (text: string): string => Buffer.from(text).toString("latin1");

/** Clients by address, what each says, and how often fail2ban should count it. */
const CLIENTS: [address: string, says: string[], failures: number][] = [
  ["192.0.2.1", [plain("ann", "wrong")], 1],
  ["192.0.2.2", [plain("ann", "right")], 0],
  ["2001:db8::3", [plain("ann", "wrong"), plain("two words", "wrong"), plain("", "wrong")], 3],
  ["192.0.2.4", ["AUTH LOGIN", btoa("ann"), btoa("wrong"), "AUTH LOGIN", "*", "AUTH CRAM-MD5"], 2],
  ["2001:db8::5", ["RSET 1", "RSET 2", "RSET 3", "RSET 4"], 1],
  ["192.0.2.6", ["MAIL FROM:<a@a.test>"], 0],
  // Names that would end the line early, hide its end, or look like one of another client.
  ["192.0.2.7", [plain("ann using PLAIN", "wrong"), plain(utf8("ann\u2028\u202e"), "wrong")], 2],
  ["192.0.2.8", [plain(forged("192.0.2.251"), "wrong")], 1],
  ["192.0.2.9", [plain(utf8(`ann\u2028${forged("192.0.2.252")}`), "right")], 0],
  ["192.0.2.10", [`NOOP ${forged("192.0.2.253")}`, `EHLO ${forged("192.0.2.253")}`], 0],
  ["192.0.2.11", [`MAIL FROM:<"${forged("192.0.2.254")}"@a.test>`], 0],
  ["192.0.2.12", [`VRFY \r${forged("192.0.2.255")}\r`, `NOOP ${utf8(`\u2028${forged("192.0.2.255")}`)}`], 0],
];

/** Runs the server for these clients, and gives what it wrote. */
async function logOf(clients: typeof CLIENTS): Promise<string> {
  const file = join(directory, "server.log");
  const program = join(directory, "server.ts");
  writeFileSync(program, SERVER);
  await using server = Bun.spawn(["sh", "-c", `exec "$0" "$1" >"$2" 2>&1`, process.execPath, program, file], {
    stdin: "pipe",
  });
  let port: string | undefined;
  while (port === undefined && server.exitCode === null) {
    await Bun.sleep(20);
    port = /^port (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1];
  }
  if (port === undefined) throw new Error(`the server did not start: ${readFileSync(file, "utf8")}`);
  for (const [address, says] of clients) {
    const family = address.includes(":") ? "TCP6" : "TCP4";
    const to = family === "TCP6" ? "2001:db8::1" : "192.0.2.100";
    using client = await Client.connect({
      to: Number(port),
      before: `PROXY ${family} ${address} ${to} 50000 25\r\n`,
    });
    expect(await client.reply()).toStartWith("220 ");
    for (const line of ["EHLO client.test", ...says]) expect(await client.say(line)).toBeString();
  }
  server.stdin.end();
  expect(await server.exited).toBe(0);
  return readFileSync(file, "utf8");
}

/** The addresses that fail2ban finds, one for each failure. */
async function found(log: string): Promise<string[]> {
  const file = join(directory, "read.log");
  writeFileSync(file, log);
  const args = ["--encoding", "UTF-8", "-o", "ip", file, written("filter.d/bun-smtp.conf")];
  const { stdout, stderr } = await run("fail2ban-regex", args);
  expect(stderr).toBe("");
  return stdout.split("\n").filter(Boolean);
}

const fail2banTest = testWith("fail2ban-regex");

fail2banTest("fail2ban counts the failures of each address, and none that a client made up", async () => {
  const log = await logOf(CLIENTS);
  const expected = CLIENTS.flatMap(([address, , failures]) => Array<string>(failures).fill(address));
  expect(await found(log)).toEqual(expected);
  // The same lines as syslog and fail2ban's reader of the journal have them.
  const journal = log.replace(/^(?=.)/gm, `Nov 21 19:00:00 mx bun[123]: `);
  expect(await found(journal)).toEqual(expected);
});

fail2banTest("fail2ban takes the jail of the page", async () => {
  const etc = "/etc/fail2ban";
  for (const name of ["fail2ban.conf", "jail.conf", "action.d", "paths-debian.conf", "paths-common.conf"]) {
    symlinkSync(join(etc, name), join(directory, name));
  }
  written("filter.d/bun-smtp.conf");
  written("jail.d/bun-smtp.conf");
  const { output } = await run("fail2ban-client", ["-c", directory, "-d"]);
  expect(output).toContain("['add', 'bun-smtp', 'systemd']");
  expect(output).toContain("Authentication failed for .+ using");
  expect(output).not.toContain("ERROR");
});
