/** What hostile clients do: one row of the table for each. The attackers and the bench read it. */
import { certificate } from "../harness.js";
import type { OursSettings } from "../servers/ours.js";

/** A line without its CRLF, or what makes one of the last reply. */
export type Step = string | ((reply: string) => string);

export interface Pattern {
  /** What `--only` finds. */
  readonly name: string;
  readonly settings?: OursSettings;
  /** Written as soon as there is a connection: a PROXY header. */
  readonly header?: Buffer;
  /** Said one after the other, the reply to each awaited, that to the header or the connection first. */
  readonly opening?: readonly Step[];
  /** TLS from this step of the opening on, whose line is STARTTLS. */
  readonly startTLS?: boolean;
  /** Said then, no reply awaited. Without it the opening is all there is. */
  readonly flood?: Buffer | ((turn: number) => Buffer);
  /** Floods of one connection; without end where not said. */
  readonly floods?: number;
  /** What the client does after them, or after the opening where it has none: leave where not said, and come again. */
  readonly then?: "leave" | "reset" | "stay";
  /** Octets that are written at once. */
  readonly piece?: number;
  /** The client reads no replies after the opening. */
  readonly deaf?: boolean;
  /** How many clients hold what they sent while the server's memory is looked at. */
  readonly holders?: number;
  /** Times the CPU of an honest octet that this may take; a reason stands beside each. */
  readonly allowed?: number;
}

const HELLO = ["EHLO client.test"];
const ENVELOPE = [...HELLO, "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>"];
const IN_DATA = [...ENVELOPE, "DATA"];
const BLOCK = 64 * 1024;
/** What fits a command line of the default length. */
const LINE = 16_384;

const octets = (text: string): Buffer => Buffer.from(text, "latin1");
/** A block of the same text. */
const many = (text: string, length = BLOCK): Buffer =>
  octets(text.repeat(Math.max(1, Math.ceil(length / text.length))));
const line = (text: string): string => `${text}\r\n`;
const base64 = (text: string): string => octets(text).toString("base64");
/** A command that is as long as may be: `head`, and as much of `filler` as fits. */
const long = (head: string, filler: string, tail = ""): string =>
  line(head + filler.repeat(Math.floor((LINE - head.length - tail.length) / filler.length)) + tail);
const numbered = (from: number, count: number, text: (at: number) => string): Buffer =>
  octets(Array.from({ length: count }, (_, at) => text(from + at)).join(""));

/** An ordinary message on a connection of its own, said by turns: what an octet may cost is measured by it. */
export const HONEST: Pattern = {
  name: "an honest message",
  opening: [...IN_DATA, `Subject: x\r\n\r\n${line("x".repeat(76)).repeat(52)}.`, "QUIT"],
};

/** Commands that change nothing, in the state in which they do the most. */
const commands: readonly Pattern[] = [
  ...[
    "NOOP",
    "HELP",
    "VRFY someone",
    "RSET",
    "EHLO client.test",
    "HELO client.test",
    "DATA",
    "BDAT 0",
    "STARTTLS now",
    "AUTH UNKNOWN",
    "XCLIENT NAME=x",
    "RCPT TO:<c@d.test>",
    "MAIL FROM:<a@b.test",
  ].map((command) => ({ name: `${command}, pipelined`, opening: HELLO, flood: many(line(command)) })),
  { name: "empty lines", flood: many(line("")), floods: 1 },
  { name: "MAIL and RSET in turn", opening: HELLO, flood: many("MAIL FROM:<a@b.test>\r\nRSET\r\n") },
  { name: "unrecognised commands", flood: many(line("X"), 30), floods: 1 },
  { name: "a request of HTTP", flood: octets("GET / HTTP/1.1\r\n\r\n"), floods: 1 },
  ...(
    [
      ["before EHLO", []],
      ["after EHLO", HELLO],
      ["in a transaction", ENVELOPE],
      ["between chunks of BDAT", [...ENVELOPE, "BDAT 0"]],
    ] as const
  ).map(([state, opening]) => ({
    name: `refused commands ${state}`,
    opening,
    flood: many(
      ["MAIL FROM:x", "RCPT TO:<>", "BDAT 1 FIRST\r\nNOOP", "VRFY", "HELP", "AUTH", "EHLO", "XFORWARD x"]
        .filter((command) => !command.startsWith("BDAT"))
        .map(line)
        .join(""),
    ),
  })),
  { name: "connect and QUIT", opening: ["QUIT"] },
  { name: "connect and reset", then: "reset" },
];

/** RCPT with so many short parameters of different names, or MAIL. */
const shortParameters = Array.from({ length: 4500 }, (_, at) => at.toString(36))
  .join(" ")
  .slice(0, LINE - 40);
const parameters: readonly Pattern[] = [
  {
    name: "4500 parameters a RCPT, different recipients",
    opening: [...HELLO, "MAIL FROM:<a@b.test>"],
    flood: (turn) => numbered(turn * 4, 4, (at) => line(`RCPT TO:<u${at}@e.f> ${shortParameters}`)),
    floods: 500,
  },
  {
    name: "30 parameters a RCPT, different recipients",
    opening: [...HELLO, "MAIL FROM:<a@b.test>"],
    flood: (turn) =>
      numbered(turn * 500, 500, (at) => line(`RCPT TO:<u${at}@e.f> ${shortParameters.slice(0, 80)}`)),
    floods: 200,
  },
  {
    name: "4500 parameters a MAIL",
    opening: HELLO,
    flood: many(`${line(`MAIL FROM:<a@b.test> ${shortParameters}`)}RSET\r\n`),
  },
  {
    name: "a parameter given 5000 times",
    opening: HELLO,
    flood: many(long("MAIL FROM:<a@b.test>", " A=")),
  },
  { name: "a long parameter", opening: HELLO, flood: many(long("MAIL FROM:<a@b.test> ENVID=", "x")) },
  { name: "xtext of escapes", opening: HELLO, flood: many(long("MAIL FROM:<a@b.test> ENVID=", "+41")) },
  {
    name: "xtext of escapes that are no UTF-8",
    opening: HELLO,
    flood: many(long("MAIL FROM:<a@b.test> ENVID=", "+C3")),
  },
  { name: "spaces for parameters", opening: HELLO, flood: many(long("MAIL FROM:<a@b.test>", " ", "x")) },
  { name: "tabs for parameters", opening: HELLO, flood: many(long("MAIL FROM:<a@b.test>", "\t", "x")) },
  ...[
    ["NAME=[UNAVAILABLE] ", "XCLIENT"],
    ["NAME=+61+2E+62 ", "XFORWARD"],
  ].map(([attribute = "", verb = ""]) => ({
    name: `attributes of ${verb}`,
    settings: { options: { useXClient: true, useXForward: true } },
    opening: HELLO,
    flood: many(long(`${verb} `, attribute)),
  })),
];

const addresses: readonly Pattern[] = (
  [
    ["dots in a local part", "MAIL FROM:<", "a.", "a@b.test>"],
    ["quotes in a local part", 'MAIL FROM:<"', "\\\\", '"@b.test>'],
    ["a source route", "MAIL FROM:<@a", ",@a", ":a@b.test>"],
    ["labels of a domain", "MAIL FROM:<a@b", ".b", ">"],
    ["hyphens of a domain", "MAIL FROM:<a@b", "-", ">"],
    ["A-labels", "MAIL FROM:<a@xn--mnchen-3ya", ".xn--mnchen-3ya", ">"],
    ["at signs", "MAIL FROM:<a", "@a", ">"],
    ["brackets", "MAIL FROM:<", "<", ">"],
    ["a path that does not end", "RCPT TO:<a@", "b", ""],
  ] as const
).flatMap(([name, head, filler, tail]) =>
  [false, true].map((lenient) => ({
    name: `${name}${lenient ? ", lenient parsing" : ""}`,
    settings: { options: { lenientAddressParsing: lenient } },
    opening: HELLO,
    // What is accepted is reset, so that the next one is parsed to its end too.
    flood: many(`${long(head, filler, tail)}RSET\r\n`),
  })),
);

/** A whole transaction of so many recipients, in one write. */
const transaction = (count: number): Buffer =>
  Buffer.concat([
    octets("MAIL FROM:<a@b.test>\r\n"),
    numbered(0, count, (at) => line(`RCPT TO:<u${at}@e.f>`)),
    octets("DATA\r\n.\r\n"),
  ]);
const lmtp = (extra: Partial<OursSettings> = {}): OursSettings => ({ ...extra, options: { lmtp: true } });
const recipients: readonly Pattern[] = [
  {
    name: "recipients up to the ceiling",
    opening: [...HELLO, "MAIL FROM:<a@b.test>"],
    flood: (turn) => numbered(turn * 1000, 1000, (at) => line(`RCPT TO:<u${at}@e.f>`)),
    floods: 110,
  },
  {
    name: "recipients of a short address each",
    opening: [...HELLO, "MAIL FROM:<a@b.test>"],
    flood: (turn) => numbered(turn * 1000, 1000, (at) => line(`RCPT TO:<${at.toString(36)}@e>`)),
    floods: 110,
  },
  {
    name: "recipients over maxRecipients",
    settings: { options: { maxRecipients: 100 } },
    opening: [...HELLO, "MAIL FROM:<a@b.test>"],
    flood: (turn) => numbered(turn * 1000, 1000, (at) => line(`RCPT TO:<u${at}@e.f>`)),
  },
  {
    name: "LMTP, 20 000 recipients a message",
    settings: lmtp(),
    opening: ["LHLO x"],
    flood: transaction(20_000),
    holders: 8,
  },
  {
    name: "LMTP, 20 000 recipients a message, a hook edits rcptTo",
    settings: lmtp({ editsRecipients: true }),
    opening: ["LHLO x"],
    flood: transaction(20_000),
    holders: 8,
  },
  {
    name: "commands behind a hook that does not answer",
    settings: { waits: true },
    opening: [...HELLO, "MAIL FROM:<a@b.test>"],
    flood: many(line("RCPT TO:<c@d.test>")),
  },
];

const data: readonly Pattern[] = [
  { name: "a message without end", opening: IN_DATA, flood: many(line("x".repeat(76))) },
  {
    name: "empty messages, pipelined",
    opening: HELLO,
    flood: many("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n"),
  },
  {
    name: "messages that are broken off",
    opening: IN_DATA,
    flood: octets("x\r\n"),
    floods: 1,
    then: "reset",
  },
  ...(
    [
      ["lines of a dot and an x", ".x\r\n"],
      ["lines of two dots", "..\r\n"],
      ["a dot and a CR that end nothing", ".\rx\r\n"],
      ["empty lines of a message", "\r\n"],
      ["zeros", "\0"],
    ] as const
  ).map(([name, text]) => ({ name, opening: IN_DATA, flood: many(text) })),
  ...(["reject", "normalize", "accept"] as const).flatMap((bareNewlines) =>
    (
      [
        ["bare LF", "\n"],
        ["bare CR", "\r"],
        ["bare CR and LF by turns", "\n\r"],
        ["a bare LF a word", "xxxxxxx\n"],
        ["dots behind bare LF", "\n."],
      ] as const
    ).map(([name, text]) => ({
      name: `${name}, ${bareNewlines}`,
      settings: { options: { bareNewlines } },
      opening: IN_DATA,
      flood: many(text),
    })),
  ),
  ...(["reject", "normalize", "accept"] as const).map((bareNewlines) => ({
    name: `commands that end in a bare LF, ${bareNewlines}`,
    settings: { options: { bareNewlines } },
    opening: HELLO,
    flood: many("NOOP\n"),
  })),
  {
    name: "commands that end in a bare CR, normalize",
    settings: { options: { bareNewlines: "normalize" } },
    opening: HELLO,
    flood: many("NOOP\r"),
  },
  {
    name: "half a message, and silence",
    opening: IN_DATA,
    flood: octets("x\r\n"),
    floods: 1,
    then: "stay",
    holders: 500,
  },
  {
    name: "a message that onData reads half",
    settings: { stops: "after a chunk" },
    opening: IN_DATA,
    flood: many(line("x")),
  },
  {
    name: "a message that onData does not read",
    settings: { stops: "at once" },
    opening: IN_DATA,
    flood: many(line("x")),
  },
];

const chunks: readonly Pattern[] = [
  { name: "BDAT 1", opening: ENVELOPE, flood: many("BDAT 1\r\nx") },
  {
    name: "BDAT 1 of a bare LF, normalize",
    settings: { options: { bareNewlines: "normalize" } },
    opening: ENVELOPE,
    flood: many("BDAT 1\r\n\n"),
  },
  {
    name: "BDAT 0 LAST, a message each",
    opening: HELLO,
    flood: many("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0 LAST\r\n"),
  },
  { name: "BDAT 1 without a recipient", opening: HELLO, flood: many("BDAT 1\r\nx") },
  {
    name: "BDAT 1 over the size",
    settings: { options: { size: 1 } },
    opening: ENVELOPE,
    flood: many("BDAT 9\r\nBDAT 9\r\n\n"),
  },
  {
    name: "a chunk without end, refused",
    settings: { options: { size: 10 } },
    opening: [...ENVELOPE, "BDAT 5\r\n12345"],
    flood: Buffer.concat([octets(line("BDAT 9007199254740991")), many("x")]),
  },
  {
    name: "a chunk without end",
    opening: ENVELOPE,
    flood: Buffer.concat([octets(line("BDAT 9007199254740991")), many("x")]),
  },
];

const packets: readonly Pattern[] = [
  { name: "a message, an octet a packet", opening: IN_DATA, flood: many(line("x".repeat(76))), piece: 1 },
  { name: "commands, an octet a packet", opening: HELLO, flood: many(line("NOOP")), piece: 1 },
  { name: "BDAT 1, an octet a packet", opening: ENVELOPE, flood: many("BDAT 1\r\nx"), piece: 1 },
  { name: "dots, an octet a packet", opening: IN_DATA, flood: many("..\r\n"), piece: 1 },
  { name: "a long line, an octet a packet", opening: HELLO, flood: many(long("NOOP ", "x")), piece: 1 },
  {
    name: "a line of 1 MiB, an octet a packet",
    settings: { options: { maxCommandLength: 0 } },
    opening: HELLO,
    flood: many("x", (1 << 20) - 1024),
    floods: 1,
    piece: 1,
  },
  {
    name: "a line of 1 MiB, 100 octets a packet",
    settings: { options: { maxCommandLength: 0 } },
    opening: HELLO,
    flood: many("x", (1 << 20) - 1024),
    floods: 1,
    piece: 100,
  },
  { name: "lines that are too long", opening: HELLO, flood: many("x", LINE + 1), floods: 1 },
  {
    name: "half a line, and silence",
    opening: HELLO,
    flood: many("x", LINE - 1),
    floods: 1,
    then: "stay",
    holders: 500,
  },
  {
    name: "an octet, and silence",
    opening: ["NOOP"],
    flood: octets("N"),
    floods: 1,
    then: "stay",
    holders: 500,
  },
  { name: "a connection, and silence", opening: HELLO, then: "stay", holders: 1000 },
];

const secure = { options: certificate };
const STARTTLS = [...HELLO, "STARTTLS"];
const tls: readonly Pattern[] = [
  {
    name: "TLS records of an octet",
    settings: secure,
    opening: STARTTLS,
    startTLS: true,
    flood: many(line("NOOP")),
    piece: 1,
  },
  {
    name: "TLS records of an octet, in a message",
    settings: secure,
    opening: [...STARTTLS, ...IN_DATA],
    startTLS: true,
    flood: many(line("x".repeat(76))),
    piece: 1,
  },
  { name: "a TLS handshake, and QUIT", settings: secure, opening: [...STARTTLS, "QUIT"], startTLS: true },
  {
    name: "garbage instead of a handshake",
    settings: secure,
    opening: STARTTLS,
    flood: many("garbage"),
    floods: 1,
  },
  {
    name: "half a ClientHello, and silence",
    settings: secure,
    opening: STARTTLS,
    flood: octets("\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03"),
    floods: 1,
    then: "stay",
    holders: 500,
  },
  {
    name: "commands injected behind STARTTLS",
    settings: secure,
    opening: HELLO,
    flood: octets("STARTTLS\r\n" + "NOOP\r\n".repeat(200)),
    floods: 1,
  },
];

const nonceOf = (reply: string): string =>
  /r=([^,]+)/.exec(Buffer.from(reply.slice(4), "base64").toString())?.[1] ?? "";
const scram: readonly Step[] = [
  `AUTH SCRAM-SHA-256 ${base64("n,,n=x,r=abcdefgh")}`,
  (reply) => base64(`c=biws,r=${nonceOf(reply)},p=${Buffer.alloc(32).toString("base64")}`),
];
const login = (method: "PLAIN" | "LOGIN" | "CRAM-MD5" | "OAUTHBEARER" | "SCRAM-SHA-256"): OursSettings => ({
  options: { authMethods: [method], allowInsecureAuth: true },
});
/** Attempts that a connection has. */
const ATTEMPTS = 5;
const SASL_LINE = 12_288;
const sasl: readonly Pattern[] = [
  {
    name: "AUTH PLAIN, refused",
    settings: login("PLAIN"),
    opening: HELLO,
    flood: many(line(`AUTH PLAIN ${base64("\0x\0y")}`), 100),
    floods: 1,
  },
  {
    name: "AUTH PLAIN, long lines",
    settings: login("PLAIN"),
    opening: HELLO,
    flood: many(`AUTH PLAIN\r\n${line(base64(`\0x\0${"y".repeat(9200)}`))}`, ATTEMPTS * SASL_LINE),
    floods: 1,
  },
  {
    name: "AUTH PLAIN, no base64",
    settings: login("PLAIN"),
    opening: HELLO,
    flood: many(`AUTH PLAIN\r\n${line("=".repeat(SASL_LINE))}`, ATTEMPTS * SASL_LINE),
    floods: 1,
  },
  {
    name: "AUTH LOGIN, lines that are too long",
    settings: login("LOGIN"),
    opening: HELLO,
    flood: many(`AUTH LOGIN\r\n${line("A".repeat(4 * SASL_LINE))}`, ATTEMPTS * 4 * SASL_LINE),
    floods: 1,
  },
  {
    name: "AUTH LOGIN, broken off",
    settings: login("LOGIN"),
    opening: HELLO,
    flood: many("AUTH LOGIN\r\n*\r\n", 80),
    floods: 1,
  },
  {
    name: "AUTH OAUTHBEARER, many fields",
    settings: login("OAUTHBEARER"),
    opening: HELLO,
    flood: many(
      `AUTH OAUTHBEARER\r\n${line(base64(`n,,\x01${"a=\x01".repeat(3000)}\x01`))}`,
      ATTEMPTS * SASL_LINE,
    ),
    floods: 1,
  },
  {
    name: "AUTH CRAM-MD5, wrong digests",
    settings: login("CRAM-MD5"),
    opening: HELLO,
    flood: many(`AUTH CRAM-MD5\r\n${line(base64(`x ${"0".repeat(32)}`))}`, 300),
    floods: 1,
  },
  {
    name: "AUTH SCRAM-SHA-256, wrong proofs",
    settings: login("SCRAM-SHA-256"),
    opening: [...HELLO, ...Array.from({ length: ATTEMPTS }, () => scram).flat()],
  },
];

const proxied = { options: { useProxy: true } };
/** Version 2 of the header: IPv4, and TLVs of nothing. */
const v2 = (tlvs: number): Buffer => {
  const block = Buffer.concat([
    Buffer.from([192, 0, 2, 9, 192, 0, 2, 1, 195, 80, 0, 25]),
    Buffer.alloc(tlvs, Buffer.from([4, 0, 0])),
  ]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(block.length);
  return Buffer.concat([octets("\r\n\r\n\0\r\nQUIT\n\x21\x11"), length, block]);
};
const proxy: readonly Pattern[] = [
  { name: "PROXY, 4084 octets of TLVs", settings: proxied, header: v2(4084), opening: ["QUIT"] },
  {
    name: "PROXY, 4084 octets of TLVs, an octet a packet",
    settings: proxied,
    flood: v2(4084),
    floods: 1,
    piece: 1,
  },
  {
    name: "PROXY version 1, an octet a packet",
    settings: proxied,
    flood: octets(`PROXY UNKNOWN ${"x".repeat(90)}\r\n`),
    floods: 1,
    piece: 1,
  },
  { name: "a PROXY header that is none", settings: proxied, flood: octets("PROXY TCP4 x\r\n"), floods: 1 },
  {
    name: "half a PROXY header, and silence",
    settings: proxied,
    flood: v2(4084).subarray(0, 4000),
    floods: 1,
    then: "stay",
    holders: 500,
  },
];

const replies: readonly Pattern[] = ["NOOP", "EHLO client.test", "HELP", "MAIL FROM:<@"].map((command) => ({
  name: `${command}, replies not read`,
  opening: HELLO,
  flood: many(line(command)),
  deaf: true,
}));

export const patterns: readonly Pattern[] = [
  ...commands,
  ...parameters,
  ...addresses,
  ...recipients,
  ...data,
  ...chunks,
  ...packets,
  ...tls,
  ...sasl,
  ...proxy,
  ...replies,
];
