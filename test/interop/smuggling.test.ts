/**
 * What scanners for SMTP smuggling send, and their way to find out: did two messages arrive where one was sent?
 * Each sequence that some server has taken for the end of data is put into a message, with a second message behind it,
 * by DATA and BDAT, plain and over STARTTLS, in one packet and cut behind the sequence, with each `bareNewlines`.
 */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { createAuthority } from "../support/certificates.js";
import { play, type Part, type Step } from "./hostile/client.js";
import { cleanUp, server, TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

const certificate = createAuthority("Smuggling Test CA").issue("mx.test");

/** The sequences, and who tries them. */
const sequences: readonly (readonly [sequence: string, scanners: string])[] = [
  ["\n.\n", "SMTP-Smuggling-Tools, smtpsmug, smtp_smuggling_checker"],
  ["\n.\r", "SMTP-Smuggling-Tools, smtpsmug"],
  ["\r.\n", "SMTP-Smuggling-Tools, smtpsmug"],
  ["\r.\r", "SMTP-Smuggling-Tools, smtpsmug, smtp_smuggling_checker"],
  ["\n.\r\n", "SMTP-Smuggling-Tools, smtpsmug, smtp_smuggling_checker"],
  ["\r.\r\n", "SMTP-Smuggling-Tools, smtpsmug, smtp_smuggling_checker"],
  ["\r\n.\n", "SMTP-Smuggling-Tools (analysis), smtpsmug"],
  ["\r\n.\r", "SMTP-Smuggling-Tools (analysis), smtpsmug, smtp_smuggling_checker"],
  ["\r\n.\r\r\n", "SMTP-Smuggling-Tools (outbound)"],
  ["\r\r\n.\r\r\n", "SMTP-Smuggling-Tools (outbound)"],
  ["\r\n\0.\r\n", "SMTP-Smuggling-Tools, smtpsmug, smtp_smuggling_checker"],
  ["\r\n.\0\r\n", "SMTP-Smuggling-Tools (analysis), smtp_smuggling_checker"],
  ["\r\n\0.\r", "smtp_smuggling_checker"],
  ["\r\n\0.\n", "smtp_smuggling_checker"],
  ["\n\n.\r\n", "smtp_smuggling_checker"],
  ["\r\n.", "smtp_smuggling_checker"],
  ["\r\0\n.\r\n", "ours"],
  ["\r\n.\r\0\n", "ours"],
  ["\r\n. \r\n", "ours"],
];

/** How a scanner puts a sequence into a message. */
const forms: readonly ((sequence: string) => [before: string, behind: string])[] = [
  // smtpsmug: right behind the text.
  (sequence) => [`a test${sequence}`, ""],
  // SMTP-Smuggling-Tools: on a line of its own.
  (sequence) => [`a test\r\n${sequence}`, "\r\n"],
];

const second =
  "mail FROM:<smuggled@client.test>\r\nrcpt TO:<b@mx.test>\r\ndata\r\nSubject: smuggled\r\n\r\nit works\r\n";
const isTrueEnd = (before: string, behind: string): boolean => `${before}${behind}`.includes("\r\n.\r\n");
const messages = sequences.flatMap(([sequence]) =>
  forms.map((form) => form(sequence)).filter(([before, behind]) => !isTrueEnd(before, behind)),
);

/** The text of each, cut where a vulnerable server would. */
const texts = messages.map(([before, behind]): [string, string] => [before, `${behind}${second}`]);

/** What a receiver that keeps to RFC 5321 4.5.2 makes of what follows DATA. */
const withoutStuffing = (text: string): string => text.replace(/(^|\r\n)\./g, "$1");
const hasBareNewline = (text: string): boolean => /\r(?!\n)|(?<!\r)\n/.test(text);

/** In one packet, with the second message in a packet or chunk of its own, or with a packet for each octet before it. */
const cuts = ["whole", "cut", "octets"] as const;
type Cut = (typeof cuts)[number];

function packets(first: string, rest: string, cut: Cut): Step {
  if (cut === "whole") return ["send", first + rest];
  if (cut === "cut") return ["trickle", [first, rest]];
  const text = first.indexOf("a test") + "a test".length;
  return ["trickle", [first.slice(0, text), ...first.slice(text), rest]];
}

/** How a message is sent. */
interface Carrier {
  /** The steps behind the envelope. */
  send(first: string, rest: string, cut: Cut): Step[];
  /** Codes of the replies to them. */
  codes(first: string, cut: Cut, isRefused: boolean): string[];
  arrives(text: string): string;
}

const carriers: Record<string, Carrier> = {
  DATA: {
    send: (first, rest, cut) => [
      ["send", "DATA\r\n"],
      ["hear"],
      packets(first, `${rest}.\r\n`, cut),
      ["hear"],
    ],
    codes: (_first, _cut, isRefused) => ["354", isRefused ? "550" : "250"],
    arrives: withoutStuffing,
  },
  BDAT: {
    send(first, rest, cut) {
      const chunk = `BDAT ${first.length}\r\n${first}`;
      if (cut === "cut")
        return [
          ["send", `${chunk}BDAT ${rest.length} LAST\r\n${rest}`],
          ["hear", 2],
        ];
      return [packets(`BDAT ${first.length + rest.length} LAST\r\n${first}`, rest, cut), ["hear"]];
    },
    codes(first, cut, isRefused) {
      if (!isRefused) return cut === "cut" ? ["250", "250"] : ["250"];
      if (cut !== "cut") return ["550"];
      // A CR at its end may be half a CRLF. What follows a refused chunk is out of order.
      return hasBareNewline(first.replace(/\r$/, "")) ? ["550", "503"] : ["250", "550"];
    },
    arrives: (text) => text,
  },
};

const greeted: Step[] = [["hear"], ["send", "EHLO client.test\r\n"], ["hear"]];
const openings: Record<string, Step[]> = {
  plain: greeted,
  STARTTLS: [...greeted, ["send", "STARTTLS\r\n"], ["hear"], ["handshake"], ...greeted.slice(1)],
};
const envelope = (sender: string): Step[] => [
  ["send", `MAIL FROM:<${sender}>\r\nRCPT TO:<b@mx.test>\r\n`],
  ["hear", 2],
];
const next: Step[] = [
  ["send", "NOOP\r\nRSET\r\n"],
  ["hear", 2],
  ...envelope("next@client.test"),
  ["send", "DATA\r\n"],
  ["hear"],
  ["send", "next\r\n.\r\nQUIT\r\n"],
  ["rest"],
];
const nextCodes = ["250", "250", "250", "250", "354", "250", "221", "closed"];

for (const bareNewlines of ["reject", "normalize", "accept"] as const) {
  const kept = (text: string): string =>
    bareNewlines === "normalize" ? text.replace(/\r\n|\r|\n/g, "\r\n") : text;
  for (const [security, opening] of Object.entries(openings)) {
    for (const [verb, carrier] of Object.entries(carriers)) {
      testWith("python3")(
        `${verb}, ${security}, bareNewlines ${bareNewlines}: one message is one`,
        async () => {
          const claimed = new Set<string>();
          await using running = await server({
            ...certificate,
            bareNewlines,
            onMailFrom({ address }, _session, callback) {
              claimed.add(address);
              callback();
            },
          });
          const parts: Part[] = [];
          const codes: string[][] = [];
          const arrivals: [sender: string, text: string][] = [];
          for (const [index, [first, rest]] of texts.entries()) {
            for (const cut of cuts) {
              const sender = `${index}.${cut}@client.test`;
              const isRefused = bareNewlines === "reject" && hasBareNewline(first + rest);
              const steps = [...opening, ...envelope(sender), ...carrier.send(first, rest, cut), ...next];
              parts.push({ port: running.port, steps });
              codes.push(["250", "250", ...carrier.codes(first, cut, isRefused), ...nextCodes]);
              if (!isRefused) arrivals.push([sender, kept(carrier.arrives(first + rest))]);
              arrivals.push(["next@client.test", "next\r\n"]);
            }
          }
          const before = opening.filter(([step]) => step === "hear" || step === "handshake").length;
          const heard = (await play(parts)).map((replies) => replies.slice(before));
          expect(running.mail.map(({ from, bytes }) => [from, bytes.toString("latin1")])).toEqual(arrivals);
          expect(heard.map((replies) => replies.map((reply) => reply.replace(/ [^]*/, "")))).toEqual(codes);
          expect(claimed).not.toContain("smuggled@client.test");
          expect(running.errors).toEqual([]);
        },
      );
    }
  }
}
