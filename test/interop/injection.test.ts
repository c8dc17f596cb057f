/**
 * STARTTLS command injection as its public tests try it: Venema's for CVE-2011-0411 (`STARTTLS CRLF RSET`), the command
 * injection tester of "NO STARTTLS" (EHLO behind it, then a command that does not exist), and scanners that look for a
 * 250 behind the 220. What came outside of TLS must not be run inside of it: it is dropped, or the connection closes.
 */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { createAuthority } from "../support/certificates.js";
import { play, type Step } from "./hostile/client.js";
import { cleanUp, server, TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

const certificate = createAuthority("Injection Test CA").issue("mx.test");
const pythonTest = testWith("python3");

const MESSAGE = "MAIL FROM:<evil@client.test>\r\nRCPT TO:<b@mx.test>\r\nDATA\r\nevil\r\n.\r\n";
const PLAIN = Buffer.from("\0evil\0secret").toString("base64");
/** What is injected. */
const injections: Record<string, string> = {
  NOOP: "NOOP\r\n",
  RSET: "RSET\r\n",
  EHLO: "EHLO injected.test\r\n",
  MAIL: "MAIL FROM:<evil@client.test>\r\n",
  AUTH: `AUTH PLAIN ${PLAIN}\r\n`,
  "an AUTH exchange": `EHLO injected.test\r\nAUTH LOGIN\r\n${btoa("evil")}\r\n${btoa("secret")}\r\n`,
  "a message": `EHLO injected.test\r\n${MESSAGE}`,
  "a message up to its end": `EHLO injected.test\r\n${MESSAGE}`.slice(0, -5),
  BDAT: `EHLO injected.test\r\nMAIL FROM:<evil@client.test>\r\nRCPT TO:<b@mx.test>\r\nBDAT 1000\r\nevil`,
  STARTTLS: "STARTTLS\r\n",
  QUIT: "QUIT\r\n",
  "half of EHLO": "EHLO injected.",
  "half of MAIL": "EHLO injected.test\r\nMAIL FROM:<evil@",
  "half of AUTH": `EHLO injected.test\r\nAUTH PLAIN ${PLAIN.slice(0, 4)}`,
  "a line that goes on in TLS with a CR": "NOOP\r",
};

const greeted: Step[] = [["hear"], ["send", "EHLO client.test\r\n"], ["hear"]];
const ready = "220 Ready to start TLS";

/** What an honest client says inside of TLS, beginning with what shows whether it is the first to speak there. */
const honest: Step[] = [
  ["send", "FAKE command\r\n"],
  ["hear"],
  ["send", "MAIL FROM:<early@client.test>\r\n"],
  ["hear"],
  ["send", "EHLO honest.test\r\n"],
  ["hear"],
  ["send", "MAIL FROM:<good@client.test>\r\nRCPT TO:<b@mx.test>\r\nDATA\r\n"],
  ["hear", 3],
  ["send", "good\r\n.\r\nQUIT\r\n"],
  ["rest"],
];
const served = [
  "TLS",
  "500 Error: command not recognized",
  "503 Error: send HELO/EHLO first",
  expect.stringMatching(/^250-mx\.test Nice to meet you, /) as string,
  "250 Accepted",
  "250 Accepted",
  "354 End data with <CR><LF>.<CR><LF>",
  "250 OK: message queued",
  "221 Bye",
  "closed",
];

const inTLS: Step[] = [
  ["send", "STARTTLS\r\n"],
  ["hear"],
  ["handshake"],
  ["send", "EHLO honest.test\r\n"],
  ["hear"],
];
const half: Step[] = [
  ["send", "MAIL FROM:<half@client.test>\r\nRCPT TO:<b@mx.test>\r\nBDAT 5 LAST\r\nevil"],
  ["hear", 2],
];

/** Where it is injected, and whether it is dropped, ends the connection, or, by the timing, does one of the two. */
const places: [
  where: string,
  steps: (injected: string) => Step[],
  outcome: "dropped" | "closed" | "either",
][] = [
  [
    "in the packet of STARTTLS",
    (injected) => [["send", `STARTTLS\r\n${injected}`], ["hear"], ["handshake"], ...honest],
    "dropped",
  ],
  [
    "in one packet with all before it",
    (injected) => [["send", `NOOP\r\nSTARTTLS\r\n${injected}`], ["hear", 2], ["handshake"], ...honest],
    "dropped",
  ],
  [
    "in a packet behind STARTTLS, before the 220 is heard",
    (injected) => [["send", "STARTTLS\r\n"], ["send", injected], ["hear"], ["handshake"], ...honest],
    "either",
  ],
  [
    "behind the 220",
    (injected) => [["send", "STARTTLS\r\n"], ["hear"], ["send", injected], ["handshake"], ...honest],
    "closed",
  ],
  [
    "in the ClientHello",
    (injected) => [
      ["send", "STARTTLS\r\n"],
      ["hear"],
      ["hello", 1],
      ["raw", injected],
      ["handshake"],
      ...honest,
    ],
    "closed",
  ],
  ["past TLS, behind the handshake", (injected) => [...inTLS, ["raw", injected], ["rest"]], "closed"],
  [
    // CVE-2026-45185.
    "past TLS, behind its close_notify in the middle of a chunk",
    (injected) => [...inTLS, ...half, ["notify"], ["raw", `!${injected}`], ["rest"]],
    "closed",
  ],
];

for (const [where, steps, outcome] of places) {
  pythonTest(`${where}: ${outcome === "either" ? "dropped or closed" : outcome}`, async () => {
    const asked: string[] = [];
    await using running = await server({
      ...certificate,
      allowInsecureAuth: true,
      socketTimeout: 2000,
      onAuth({ username }, _session, callback) {
        asked.push(`AUTH ${username}`);
        callback(null, { user: username ?? "" });
      },
      onMailFrom({ address }, { secure, hostNameAppearsAs }, callback) {
        asked.push(`${address} of ${hostNameAppearsAs}${secure ? "" : " in plaintext"}`);
        callback();
      },
    });
    const parts = Object.values(injections).map((injected) => ({
      port: running.port,
      steps: [...greeted, ...steps(injected)],
    }));
    const heard = await play(parts);
    for (const [index, name] of Object.keys(injections).entries()) {
      const replies = heard[index] ?? [];
      const isServed = replies.includes("221 Bye");
      if (outcome !== "either") expect(isServed, name).toBe(outcome === "dropped");
      expect(replies, name).toContain(ready);
      if (isServed) expect(replies.slice(replies.indexOf(ready) + 1), name).toEqual(served);
      else expect(replies.at(-1), name).toBe("closed");
    }
    const good = heard.filter((replies) => replies.includes("221 Bye"));
    expect(running.mail.map(({ from, bytes, session }) => [from, bytes.toString(), session.user])).toEqual(
      good.map(() => ["good@client.test", "good\r\n", false]),
    );
    expect(asked.filter((entry) => entry !== "half@client.test of honest.test")).toEqual(
      good.map(() => "good@client.test of honest.test"),
    );
  });
}

const fixations: [what: string, steps: Step[]][] = [
  ["a user", [["send", `AUTH PLAIN ${PLAIN}\r\n`], ["hear"]]],
  [
    "a transaction",
    [
      ["send", "MAIL FROM:<evil@client.test>\r\nRCPT TO:<b@mx.test>\r\n"],
      ["hear", 2],
    ],
  ],
  [
    "a chunk",
    [
      ["send", "MAIL FROM:<evil@client.test>\r\nRCPT TO:<b@mx.test>\r\nBDAT 4\r\nevil"],
      ["hear", 3],
    ],
  ],
];

for (const [what, steps] of fixations) {
  pythonTest(`${what} from before STARTTLS is forgotten`, async () => {
    await using running = await server({
      ...certificate,
      allowInsecureAuth: true,
      onAuth: ({ username }, _session, callback) => callback(null, { user: username ?? "" }),
    });
    const [replies = []] = await play([
      {
        port: running.port,
        steps: [...greeted, ...steps, ["send", "STARTTLS\r\n"], ["hear"], ["handshake"], ...honest],
      },
    ]);
    expect(replies.slice(replies.indexOf(ready) + 1)).toEqual(served);
    expect(running.mail.map(({ from, bytes, session }) => [from, bytes.toString(), session.user])).toEqual([
      ["good@client.test", "good\r\n", false],
    ]);
  });
}
