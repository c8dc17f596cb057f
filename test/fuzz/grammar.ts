/** Makes sessions that look like SMTP, and spoils some of them. */
import type { SMTPServerOptions } from "../../src/index.js";
import { random, type Random } from "../support/random.js";
import type { ChallengeMechanism } from "../support/sasl-client.js";
import { BEHAVIOUR_NAMES, MUTATION_NAMES } from "./hooks.js";
import { READINGS } from "./reading.js";
import type { Script, Step } from "./script.js";

/** Local parts, among them those that make the hooks behave in some way. */
const LOCAL_PARTS = [
  "a",
  "B",
  ...BEHAVIOUR_NAMES,
  ...MUTATION_NAMES,
  "early",
  ...BEHAVIOUR_NAMES.map((name) => `early-${name}`),
  ...BEHAVIOUR_NAMES.map((name) => `answer-${name}`),
  "answer-throw",
  '"q uo\\"ted"',
  "ü",
  "x.y",
  "a..b",
  "",
  "x".repeat(70),
  "postmaster",
];
const DOMAINS = [
  "b.c",
  "EXAMPLE.com",
  "[192.0.2.1]",
  "[IPv6:::1]",
  "xn--4ca.de",
  "ü.de",
  "-",
  "x".repeat(64),
  "d".repeat(260),
  "",
] as const;
const MAIL_PARAMETERS = [
  "SIZE=10",
  "SIZE=999999",
  "SIZE=x",
  "SIZE=",
  "BODY=8BITMIME",
  "BODY=BINARYMIME",
  "BODY=7bit",
  "BODY=9",
  "SMTPUTF8",
  "SMTPUTF8=1",
  "REQUIRETLS",
  "RET=FULL",
  "RET=x",
  "ENVID=a+2Bb",
  "ENVID=+0D+0A",
  "AUTH=<>",
  "X=1",
  "__proto__=1",
  "constructor",
  "SIZE=1 SIZE=2",
] as const;
const RCPT_PARAMETERS = [
  "NOTIFY=NEVER",
  "NOTIFY=SUCCESS,DELAY",
  "NOTIFY=NEVER,DELAY",
  "ORCPT=rfc822;a+40b",
  "ORCPT=x",
  "X",
  "=",
  "toString=1",
] as const;
const SIMPLE = [
  "NOOP",
  "NOOP x",
  "RSET",
  "RSET x",
  "HELP",
  "VRFY a",
  "EHLO",
  "EHLO x",
  "EHLO x y",
  ...["refuse", "throw", "reject", "twice", "later", "slow", "never"].map((behaviour) => `EHLO ${behaviour}`),
  "HELO x",
  "LHLO x",
  "ehlo \u00fc",
  "FOO",
  "",
  " ",
  "\0",
  "WIZ",
  "SHELL",
  "KILL",
  "STARTTLS x",
  "GET / HTTP/1.1",
  "DATA x",
  "BDAT",
  "BDAT -1",
  "BDAT 1e3",
  "BDAT 99999999999999999999",
  "AUTH",
  "MAIL",
  "RCPT TO",
  "EXPN x",
] as const;
const MECHANISMS = [
  "PLAIN",
  "LOGIN",
  "CRAM-MD5",
  "XOAUTH2",
  "OAUTHBEARER",
  "SCRAM-SHA-256",
  "SCRAM-SHA-256-PLUS",
  "EXTERNAL",
  "FOO",
  "plain",
] as const;
const SECRETS = [
  "\0user\0pencil",
  "\0user\0wrong",
  "z\0user\0pencil",
  "\0\0",
  "user",
  "pencil",
  "user=user\x01auth=Bearer token\x01\x01",
  "n,,\x01auth=Bearer token\x01\x01",
  "n,,n=user,r=abc",
  "y,,n=user,r=abc",
  "p=tls-exporter,,n=user,r=abc",
  "c=biws,r=abc,p=AAAA",
  "user 00112233445566778899aabbccddeeff",
  "{}",
  "\xff\xfe",
  "",
] as const;
/** What ends or nearly ends a message, or smuggles one. */
const PIECES = [
  "Subject: x\r\n",
  "\r\n",
  ".",
  "..",
  ".\r\n",
  "..\r\n",
  "\r\n.\r",
  "\n.\n",
  "\n.\r\n",
  "\r.\r",
  "\r",
  "\n",
  "\0",
  "a",
  "b".repeat(100),
  "\r\r\n",
  "\r\n..",
  "\r\n.\r\r\n",
  "MAIL FROM:<e@evil.test>\r\n",
  "\xff\x80",
  "c".repeat(1200),
  "\r\n.x\r\n",
] as const;
const NAMES = [
  "ADDR",
  "NAME",
  "PORT",
  "PROTO",
  "HELO",
  "LOGIN",
  "DESTADDR",
  "DESTPORT",
  "SOURCE",
  "IDENT",
  "FOO",
] as const;
const VALUES = [
  "192.0.2.7",
  "IPV6:2001:db8::1",
  "mx.example",
  "[UNAVAILABLE]",
  "[TEMPUNAVAIL]",
  "25",
  "65536",
  "ESMTP",
  "user",
  "+0D+0A",
  "x+2",
  "",
  "LOCAL",
] as const;
const PROXY_V1 = [
  "PROXY TCP4 192.0.2.5 192.0.2.6 1234 25",
  "PROXY TCP6 2001:db8::1 2001:db8::2 1 2",
  "PROXY UNKNOWN",
  "PROXY TCP4 ::1 ::1 1 2",
  "PROXY TCP4 1.2.3.4 1.2.3.5 65536 25",
  "PROXY TCP4 1.2.3.4 1.2.3.5 01 25",
  "EHLO x",
  `PROXY UNKNOWN ${"x".repeat(110)}`,
] as const;
const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** The session of a seed. */
export function makeScript(seed: number): Script {
  const dice = random(seed);
  const options = makeOptions(dice);
  const hooks = {
    answerBy: dice.below(4) ? ("callback" as const) : ("promise" as const),
    reading: dice.below(2) ? ("iterate" as const) : dice.pick(READINGS),
  };
  const steps: Step[] = [];
  if (options.useProxy) steps.push(send(dice, [proxyHeader(dice)]));
  if (options.secure && !options.needsUpgrade) steps.push({ type: "tls" });
  const rounds = 1 + dice.below(5);
  steps.push(send(dice, [line(`${options.lmtp ? "LHLO" : dice.pick(["EHLO", "EHLO", "HELO"])} client`)]));
  for (let round = 0; round < rounds; round++) {
    const upgrade = dice.below(8) === 0;
    const units = upgrade ? [line("STARTTLS")] : makeUnits(dice);
    // What is pipelined behind STARTTLS must never be run.
    if (upgrade && dice.below(2)) units.push(...makeUnits(dice));
    steps.push(send(dice, units));
    if (upgrade) steps.push({ type: "tls" }, send(dice, [line("EHLO again")]));
    if (options.authMethods && dice.below(4) === 0) steps.push(login(dice));
    if (dice.below(16) === 0) steps.push({ type: "pass", ms: dice.pick([1000, 9000, 11_000, 70_000]) });
    if (dice.below(24) === 0) steps.push(drip(dice));
  }
  if (dice.below(options.minDataRate ? 2 : 8) === 0) steps.push(send(dice, halfMessage(dice)));
  else if (dice.below(3)) steps.push(send(dice, [line("QUIT")]));
  if (dice.below(3) === 0) steps.push({ type: "fin" });
  const isTimed = steps.some(({ type }) => type === "pass" || type === "drip");
  const isBusy = !isTimed && dice.below(12) === 0;
  const ending = dice.pick([
    "vanish",
    "silence",
    options.minDataRate && !isBusy ? "trickle" : "silence",
  ] as const);
  return { seed, options, hooks, isBusy, steps, ending };
}

function makeOptions(dice: Random): SMTPServerOptions {
  const maybe = <T>(value: T): T | undefined => (dice.below(6) === 0 ? value : undefined);
  const options = {
    authOptional: dice.below(8) > 0,
    bareNewlines: dice.pick(["reject", "reject", "normalize", "accept"] as const),
    lmtp: maybe(true),
    secure: dice.below(16) === 0 || undefined,
    size: maybe(dice.pick([10, 300])),
    rejectOversized: maybe(true),
    hideSize: maybe(true),
    maxRecipients: maybe(2),
    maxErrors: maybe(3),
    maxCommandLength: maybe(100),
    hideENHANCEDSTATUSCODES: maybe(false),
    hideDSN: maybe(false),
    hideBINARYMIME: maybe(false),
    lenientAddressParsing: maybe(true),
    allowInsecureAuth: dice.below(3) > 0,
    authMethods: maybe(MECHANISMS.slice(0, 8)),
    disabledCommands: maybe([dice.pick(["AUTH", "STARTTLS", "BDAT", "EHLO", "RSET"] as const)]),
    useProxy: maybe(true),
    useXClient: maybe(true),
    useXForward: maybe(true),
    socketTimeout: maybe(10_000),
    minDataRate: maybe(100),
  };
  // What was not drawn is not given at all.
  return JSON.parse(JSON.stringify(options)) as SMTPServerOptions;
}

function line(text: string): Buffer {
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** A step, its pieces spoiled now and then. */
function send(dice: Random, units: Buffer[]): Step {
  return { type: "send", units: units.map((unit) => (dice.below(25) === 0 ? spoil(dice, unit) : unit)) };
}

function spoil(dice: Random, unit: Buffer): Buffer {
  const at = dice.below(unit.length + 1);
  const before = unit.subarray(0, at);
  const after = unit.subarray(at);
  const insert = Buffer.from(
    dice.pick(["\r", "\n", "\r\n", "\0", ".", " ", "\xc3", "<", ">", "\r\n.\r\n"]),
    "latin1",
  );
  const byte = Buffer.of(dice.below(256));
  return dice.pick([
    () => Buffer.concat([before, insert, after]),
    () => Buffer.concat([before, byte, after.subarray(1)]),
    () => Buffer.concat([before, after.subarray(1)]),
    () => Buffer.concat([unit, unit]),
    () => Buffer.from(before),
  ])();
}

function makeUnits(dice: Random): Buffer[] {
  const kind = dice.below(12);
  if (kind < 6) return transaction(dice);
  if (kind < 8) return authentication(dice);
  if (kind === 8) return [attributes(dice)];
  return Array.from({ length: 1 + dice.below(4) }, () => Buffer.from(`${dice.pick(SIMPLE)}\r\n`));
}

function transaction(dice: Random): Buffer[] {
  const units: Buffer[] = [];
  if (dice.below(12)) units.push(path(dice, "MAIL FROM:", MAIL_PARAMETERS));
  for (let count = dice.pick([0, 1, 1, 1, 2, 3]); count > 0; count--)
    units.push(path(dice, "RCPT TO:", RCPT_PARAMETERS));
  if (dice.below(4) === 0) units.push(line(dice.pick(SIMPLE)));
  if (dice.below(3) === 0) return [...units, ...chunks(dice)];
  return [
    ...units,
    line(dice.pick(["DATA", "DATA", "data"])),
    Buffer.from(`${content(dice)}\r\n.\r\n`, "latin1"),
  ];
}

function halfMessage(dice: Random): Buffer[] {
  const units = [line("RSET"), line("MAIL FROM:<a@b.c>"), line("RCPT TO:<b@b.c>")];
  return [
    ...units,
    ...(dice.below(2) ? [line("DATA"), line("half")] : [line("BDAT 1000 LAST"), line("half")]),
  ];
}

function path(dice: Random, verb: string, parameters: readonly string[]): Buffer {
  const plain = dice.below(5) > 0;
  const local = plain
    ? dice.pick(["a", "b", "A", "later", "early", "answer-refuse"])
    : dice.pick(LOCAL_PARTS);
  const address = `${local}@${plain ? "b.c" : dice.pick(DOMAINS)}`;
  const open = dice.below(8) ? "<" : dice.pick([" <", "<@relay.test:", ""]);
  const extra = dice.below(4) === 0 ? ` ${dice.pick(parameters)}` : "";
  return Buffer.from(`${verb}${dice.below(20) ? `${open}${address}>` : "<>"}${extra}\r\n`);
}

function content(dice: Random): string {
  const clean = ["Subject: x\r\n", "a", "\r\n", ".", "..", "\r\n..x", "b".repeat(100)] as const;
  const pieces: readonly string[] = dice.below(2) ? clean : PIECES;
  return Array.from({ length: dice.below(8) }, () => dice.pick(pieces)).join("");
}

function chunks(dice: Random): Buffer[] {
  const units: Buffer[] = [];
  for (let count = dice.below(3); count >= 0; count--) {
    const bytes = Buffer.from(content(dice), "latin1");
    units.push(Buffer.concat([line(`BDAT ${bytes.length}${count === 0 ? " LAST" : ""}`), bytes]));
    if (dice.below(8) === 0)
      units.push(line(dice.pick(["RSET", "NOOP", "DATA", "MAIL FROM:<x@y.z>", "RCPT TO:<x@y.z>"])));
  }
  return units;
}

function authentication(dice: Random): Buffer[] {
  const secret = (): string =>
    dice.below(10)
      ? Buffer.from(dice.pick(SECRETS), "latin1").toString("base64")
      : dice.pick(["*", "=", "=x", "AA", "A===", "", "\u00fc"]);
  const initial = dice.below(2) ? ` ${secret()}` : "";
  const units = [line(`AUTH ${dice.pick(MECHANISMS)}${initial}`)];
  for (let count = dice.below(3); count > 0; count--)
    units.push(line(dice.below(60) ? secret() : "A".repeat(12_300)));
  return units;
}

const EXPORTED = Buffer.alloc(32, 7);

/** CRAM-MD5 and SCRAM with answers that are right, or all but. SCRAM is rare: each costs the server a millisecond. */
function login(dice: Random): Step {
  const mechanism: ChallengeMechanism = dice.pick([
    "CRAM-MD5",
    "CRAM-MD5",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
  ]);
  const username = dice.pick([
    "user",
    "user",
    "u=s,e r",
    "later",
    "slow",
    "refuse",
    "throw",
    "reject",
    "unknown",
  ]);
  const password = dice.below(6) ? "pencil" : "pencil2";
  const fault = { answer: dice.below(3), at: dice.below(200), kind: dice.pick(["turn", "break"] as const) };
  const details = { mechanism, username, password, exported: EXPORTED };
  return { type: "login", login: details, fault: dice.below(2) ? fault : undefined };
}

/** One unit in a few pieces, over seconds. */
function drip(dice: Random): Step {
  const unit = dice.pick(makeUnits(dice));
  const size = Math.max(1, Math.ceil(unit.length / (2 + dice.below(8))));
  const pieces: Buffer[] = [];
  for (let at = 0; at < unit.length; at += size) pieces.push(unit.subarray(at, at + size));
  return { type: "drip", pieces, gap: dice.pick([500, 2000, 9000]) };
}

function attributes(dice: Random): Buffer {
  const pairs = Array.from({ length: dice.below(4) }, () => `${dice.pick(NAMES)}=${dice.pick(VALUES)}`);
  return line([dice.pick(["XCLIENT", "XFORWARD"]), ...pairs].join(" "));
}

function proxyHeader(dice: Random): Buffer {
  if (dice.below(2)) return line(dice.pick(PROXY_V1));
  const address = Buffer.from([192, 0, 2, 5, 192, 0, 2, 6, 4, 210, 0, 25]);
  const extra = Buffer.alloc(dice.pick([0, 0, 7, 200]), 4);
  const body = Buffer.concat([address.subarray(0, dice.pick([12, 12, 12, 5])), extra]);
  const [version, family] = [dice.pick([0x21, 0x21, 0x20, 0x31]), dice.pick([0x11, 0x11, 0x21, 0x00, 0x55])];
  return Buffer.concat([V2_SIGNATURE, Buffer.of(version, family, body.length >> 8, body.length & 255), body]);
}
