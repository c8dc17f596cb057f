/**
 * Clients that vanish, reset, stop in the middle or never read, each in a process of its own, against a server in
 * another. Whatever they do: their sockets are closed, onClose is called once for each, no half message looks whole,
 * and others are served.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import type { SMTPServerOptions } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import { Client } from "./behind/client.js";
import { testUnless } from "./behind/service.js";
import { hold, type Part, play, sendMail, type Step, storm } from "./hostile/client.js";
import { Namespace, namespaceMissing } from "./hostile/namespace.js";
import type { Report } from "./hostile/server.js";
import { Subject } from "./hostile/subject.js";
import { TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);

const MB = 1024 * 1024;
const certificate = createAuthority("Hostile Test CA").issue("mx.test");
const crowdTest = existsSync("/proc/self/fd") ? testWith("python3") : (test.skip as typeof test);

/** Servers for clients in every state. The one that is slow to greet gives them time to disconnect before it does. */
const servers = (options: SMTPServerOptions) => ({
  plain: { ...options, ...certificate },
  slow: { ...options, earlyTalkerDelay: 2000 },
  proxy: { ...options, useProxy: true },
  tls: { ...options, ...certificate, secure: true, needsUpgrade: true },
  both: { ...options, ...certificate, secure: true, needsUpgrade: true, useProxy: true },
});
type Name = keyof ReturnType<typeof servers>;

const hello: Step[] = [["hear"], ["send", "EHLO client.test\r\n"], ["hear"]];
const envelope: Step[] = [
  ["send", "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@mx.test>\r\n"],
  ["hear", 2],
];
const startTLS: Step[] = [...hello, ["send", "STARTTLS\r\n"], ["hear"], ["handshake"], ...hello.slice(1)];
const data: Step[] = [["send", "DATA\r\n"], ["hear"], ["send", "Subject: half\r\n\r\n"]];
const line = `${"x".repeat(70)}\r\n`;

/** A state that a client can be left in. */
interface State {
  server: Name;
  steps: Step[];
  /** It is a message that is not complete: its stream must fail. */
  half?: true;
}

const states: Record<string, State> = {
  "before the greeting": { server: "slow", steps: [] },
  "before a command": { server: "plain", steps: hello },
  "in a command": { server: "plain", steps: [...hello, ["send", "MAIL FROM:<a@cli"]] },
  "in a transaction": { server: "plain", steps: [...hello, ...envelope] },
  "in AUTH": {
    server: "plain",
    steps: [...hello, ["send", "AUTH LOGIN\r\n"], ["hear"], ["send", "dXNl"]],
  },
  "in DATA": { server: "plain", steps: [...hello, ...envelope, ...data], half: true },
  // With something unread the end of a process is a RST.
  "in DATA, the replies not read": {
    server: "plain",
    steps: [
      ["hear"],
      ["send", "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@mx.test>\r\nDATA\r\nhalf\r\n"],
    ],
    half: true,
  },
  "in the end of DATA": {
    server: "plain",
    steps: [...hello, ...envelope, ...data, ["send", "end of a@client.test\r\n.\r"]],
    half: true,
  },
  "in a large DATA": {
    server: "plain",
    steps: [...hello, ...envelope, ...data, ["send", line, 20_000]],
    half: true,
  },
  "in BDAT": {
    server: "plain",
    steps: [...hello, ...envelope, ["send", `BDAT 1000\r\n${line}`]],
    half: true,
  },
  "between chunks": {
    server: "plain",
    steps: [...hello, ...envelope, ["send", `BDAT ${line.length}\r\n${line}`], ["hear"]],
    half: true,
  },
  "in BDAT LAST": {
    server: "plain",
    steps: [...hello, ...envelope, ["send", `BDAT 73 LAST\r\n${line}`]],
    half: true,
  },
  "behind the 220 of STARTTLS": {
    server: "plain",
    steps: [...hello, ["send", "STARTTLS\r\n"], ["hear"]],
  },
  "in the ClientHello": {
    server: "plain",
    steps: [...hello, ["send", "STARTTLS\r\n"], ["hear"], ["hello", 20]],
  },
  "behind the ClientHello": {
    server: "plain",
    steps: [...hello, ["send", "STARTTLS\r\n"], ["hear"], ["hello"]],
  },
  "in DATA over STARTTLS": {
    server: "plain",
    steps: [...startTLS, ...envelope, ...data, ["send", line, 2000]],
    half: true,
  },
  "before a PROXY header": { server: "proxy", steps: [] },
  "in a PROXY header": { server: "proxy", steps: [["send", "PROXY TCP4 192.0.2.7 192."]] },
  "in a binary PROXY header": {
    server: "proxy",
    steps: [["send", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0"]],
  },
  "in DATA behind a PROXY header": {
    server: "proxy",
    steps: [["send", "PROXY TCP4 192.0.2.7 192.0.2.1 4321 25\r\n"], ...hello, ...envelope, ...data],
    half: true,
  },
  "before the ClientHello of implicit TLS": { server: "tls", steps: [] },
  "in the ClientHello of implicit TLS": { server: "tls", steps: [["hello", 20]] },
  "in DATA over implicit TLS": {
    server: "tls",
    steps: [["handshake"], ...hello, ...envelope, ...data],
    half: true,
  },
  "between PROXY header and ClientHello": {
    server: "both",
    steps: [["send", "PROXY TCP4 192.0.2.7 192.0.2.1 4321 25\r\n"]],
  },
  "in the ClientHello behind a PROXY header": {
    server: "both",
    steps: [
      ["send", "PROXY TCP4 192.0.2.7 192.0.2.1 4321 25\r\n"],
      ["hello", 20],
    ],
  },
};

const all = Object.values(states);
const halves = all.filter(({ half }) => half).length;

/** Clients that stay until they are killed, all at once. */
interface Crowd extends AsyncDisposable {
  readonly size: number;
}

/** A process for each list of parts. */
async function gather(processes: readonly (readonly Part[])[], before?: readonly string[]): Promise<Crowd> {
  const clients = await Promise.all(processes.map((parts) => hold(parts, before)));
  const kill = async (): Promise<void> => void (await Promise.all(clients.map((client) => client.kill())));
  return { size: clients.length, [Symbol.asyncDispose]: kill };
}

/** `each` clients in each state, in each of `processes` processes. */
function crowd(
  { ports }: Subject<Name>,
  processes: number,
  each: number,
  network?: Namespace,
): Promise<Crowd> {
  const host = network?.server ?? "127.0.0.1";
  const parts = all.map(({ server, steps }) => ({ port: ports[server], host, steps }));
  const some = Array.from({ length: each }, () => parts).flat();
  return gather(
    Array.from({ length: processes }, () => some),
    network?.enter,
  );
}

/** What must hold when all clients are gone, after `failed` half messages. */
function expectNothingLeft(subject: Subject<string>, report: Report, failed: number): void {
  const { connections, opened, closed, closedWrongly, halves, uncaught } = report;
  const left = { connections, sockets: subject.sockets, onClose: closed, closedWrongly, halves, uncaught };
  expect(left).toEqual({
    connections: 0,
    sockets: subject.baseline,
    onClose: opened,
    closedWrongly: [],
    halves: [],
    uncaught: [],
  });
  expect(report.failed).toEqual(failed === 0 ? {} : { ECONNECTION: failed });
}

describe("clients that are killed", () => {
  crowdTest("in every state leave nothing behind", async () => {
    await using subject = await Subject.start(servers({}));
    await using there = await crowd(subject, 6, 5);
    // The kill comes when all of them are there.
    const sockets = subject.baseline + 30 * all.length;
    const before = await subject.settled(() => subject.sockets === sockets);
    expect(subject.sockets).toBe(sockets);
    expect(before.failed).toEqual({});
    await there[Symbol.asyncDispose]();
    const report = await subject.deserted();
    expectNothingLeft(subject, report, 30 * halves);
    expect(report.accepted).toEqual([]);
  });

  crowdTest("at any moment have been answered 250 for nothing that onData did not accept", async () => {
    await using subject = await Subject.start({ plain: {} }, { hookTime: 3 });
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      const senders = Array.from({ length: 8 }, (_, index) =>
        sendMail(subject.ports.plain, `${round}-${index}`),
      );
      await Promise.all(
        senders.map(async (sender, index) => {
          await sender.printed(3 * (index + 1));
          await sender.kill();
        }),
      );
      acknowledged.push(...senders.flatMap(({ lines }) => lines));
    }
    const report = await subject.deserted();
    expectNothingLeft(subject, report, report.failed["ECONNECTION"] ?? 0);
    expect(acknowledged.length).toBeGreaterThanOrEqual(3 * 108);
    const accepted = new Set(report.accepted);
    expect(acknowledged.filter((sender) => !accepted.has(sender))).toEqual([]);
    // Each that was killed was in one message at most, which may be stored without its client knowing.
    expect(report.accepted.length - acknowledged.length).toBeLessThanOrEqual(24);
  });
});

describe("clients that reset", () => {
  const greeting = "EHLO client.test\r\n";
  const sender = "MAIL FROM:<reset@client.test>\r\nRCPT TO:<b@mx.test>\r\n";
  const texts = [
    `${greeting}${sender}DATA\r\n${line.repeat(50)}`,
    `${greeting}${sender}DATA\r\n${line.repeat(2000)}`,
    `${greeting}${sender}BDAT ${line.length}\r\n${line}BDAT 1000 LAST\r\n${line}`,
    `${greeting}${"NOOP\r\n".repeat(500)}`,
    `${greeting}AUTH PLAIN\r\nAHVzZXIAc2VjcmV0\r\nAUTH LOGIN\r\n`,
    `${greeting}STARTTLS\r\n<ClientHello>`,
    "GET / HTTP/1.1\r\n\r\n",
  ];

  crowdTest("at random octets, by the thousand, while another is served", async () => {
    await using subject = await Subject.start({ plain: certificate });
    const port = subject.ports.plain;
    let storming = true;
    const storms = Promise.all([storm(port, texts, 2000, 1), storm(port, texts, 2000, 2)]).finally(
      () => (storming = false),
    );
    using good = await Client.connect({ to: port });
    await good.reply();
    await good.say("EHLO good.test");
    const sent: string[] = [];
    const replies = new Set<string>();
    while (storming) {
      const from = `${sent.length}@good.test`;
      replies.add(
        await good.deliver({ from, to: ["b@mx.test"], data: `${line.repeat(10)}end of ${from}\r\n` }),
      );
      sent.push(from);
    }
    await storms;
    await good.say("QUIT");
    const report = await subject.deserted();
    expect([...replies]).toEqual(["250 OK: message queued"]);
    expect(sent.length).toBeGreaterThan(100);
    expect(report.accepted).toEqual(sent);
    // Many reset in the middle of a message, and some before they were accepted, which is not reported.
    const failed = report.failed["ECONNECTION"] ?? 0;
    expect(failed).toBeGreaterThan(100);
    expect(report.opened).toBeGreaterThan(1000);
    expectNothingLeft(subject, report, failed);
  });
});

describe("clients that end their side", () => {
  const whole: Step[] = [["send", "DATA\r\n"], ["hear"], ["send", "end of a@client.test\r\n.\r\n"]];
  const accepted = ["250 Accepted", "250 Accepted"];
  const start = "354 End data with <CR><LF>.<CR><LF>";
  const queued = "250 OK: message queued";

  /** What a client does behind EHLO and envelope, what it hears then, and whether the message is a half one. */
  const endings: [what: string, steps: Step[], heard: string[], outcome: "accepted" | "failed"][] = [
    ["behind a message", [...whole, ["fin"]], [start, queued, "closed"], "accepted"],
    [
      "behind a message and QUIT",
      [["send", "DATA\r\n"], ["hear"], ["send", "end of a@client.test\r\n.\r\nQUIT\r\n"], ["fin"]],
      [start, queued, "221 Bye", "closed"],
      "accepted",
    ],
    [
      "behind a message and half a line, which is not run",
      [["send", "DATA\r\n"], ["hear"], ["send", "end of a@client.test\r\n.\r\nNOOP"], ["fin"]],
      [start, queued, "closed"],
      "accepted",
    ],
    [
      "behind BDAT LAST",
      [["send", "BDAT 22 LAST\r\nend of a@client.test\r\n"], ["fin"]],
      [queued, "closed"],
      "accepted",
    ],
    ["in DATA", [...data, ["fin"]], [start, "closed"], "failed"],
    [
      "in DATA behind a dot",
      [...data, ["send", "end of a@client.test\r\n."], ["fin"]],
      [start, "closed"],
      "failed",
    ],
    [
      "in DATA behind a CR",
      [...data, ["send", "end of a@client.test\r\n.\r"], ["fin"]],
      [start, "closed"],
      "failed",
    ],
    ["in BDAT LAST", [["send", "BDAT 23 LAST\r\nend of a@client.test\r\n"], ["fin"]], ["closed"], "failed"],
    [
      "behind BDAT that is not LAST",
      [["send", "BDAT 22\r\nend of a@client.test\r\n"], ["fin"]],
      ["250 OK: 22 octets received", "closed"],
      "failed",
    ],
    ["with FIN and no close_notify in DATA", [...data, ["cut"]], [start, "closed"], "failed"],
  ];

  for (const [security, opening] of [
    ["plain", hello],
    ["STARTTLS", startTLS],
  ] as const) {
    crowdTest(`${security}: get their replies, and a partial message fails`, async () => {
      await using subject = await Subject.start({ plain: certificate }, { hookTime: 50 });
      const parts = endings.map(([, steps]): { port: number; steps: Step[] } => ({
        port: subject.ports.plain,
        steps: [...opening, ...envelope, ...steps, ["rest"]],
      }));
      const before = opening.filter(([step]) => step === "hear" || step === "handshake").length;
      const heard = (await play(parts)).map((replies) => replies.slice(before));
      expect(heard).toEqual(endings.map(([, , replies]) => [...accepted, ...replies]));
      const report = await subject.deserted();
      const count = (outcome: string): number => endings.filter((ending) => ending[3] === outcome).length;
      expect(report.accepted).toHaveLength(count("accepted"));
      expectNothingLeft(subject, report, count("failed"));
    });
  }
});

describe("clients that never read", () => {
  const flood = [["flood", "NOOP\r\n".repeat(10_000)]] satisfies Step[];
  const floodOfLongReplies = [["flood", "EHLO client.test\r\n".repeat(4000)]] satisfies Step[];

  crowdTest("are stopped at a bound, and gone soon after socketTimeout", async () => {
    const plain = { ...certificate, socketTimeout: 2000 };
    await using subject = await Subject.start({ plain });
    const port = subject.ports.plain;
    const parts = [
      [...hello, ...flood],
      [...hello, ...floodOfLongReplies],
      [...startTLS, ...flood],
      [...startTLS, ...floodOfLongReplies],
    ].map((steps) => [{ port, steps }]);
    // What the process takes for TLS and its first clients, it takes once.
    await (await gather(parts))[Symbol.asyncDispose]();
    const { rss } = await subject.deserted();

    await using clients = await gather([...parts, ...parts]);
    const flooded = await subject.report();
    expect(flooded.connections).toBeGreaterThan(0);
    // Each has sent megabytes, and would be sent more.
    expect((flooded.rss - rss) / MB / clients.size).toBeLessThan(4);
    const report = await subject.deserted();
    expectNothingLeft(subject, report, 0);
  });
});

describe("clients that say no more", () => {
  crowdTest("and never close are gone soon after socketTimeout, whatever the state", async () => {
    await using subject = await Subject.start(servers({ socketTimeout: 1000 }));
    await using _ = await crowd(subject, 1, 3);
    const report = await subject.deserted();
    expectNothingLeft(subject, report, 3 * halves);
  });

  const missing = namespaceMissing();
  const networkTest = missing === undefined ? crowdTest : testUnless(missing);
  networkTest("and whose network is gone, too", async () => {
    using network = new Namespace();
    await using subject = await Subject.start(servers({ socketTimeout: 1000 }), { host: network.server });
    await using there = await crowd(subject, 1, 3, network);
    network.cutOff();
    await there[Symbol.asyncDispose]();
    const report = await subject.deserted();
    expectNothingLeft(subject, report, 3 * halves);
  });
});
