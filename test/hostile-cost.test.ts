/**
 * The short form of test/bench/hostile.ts: it counts work instead of time. Twice the input takes at most 2.2 times
 * the steps, whatever the client made it of.
 */
import { afterAll, afterEach, beforeEach, describe, expect, mock, spyOn, test } from "bun:test";
import { Recipients } from "../src/commands/recipients.js";
import { ChunkQueue } from "../src/message/chunk-queue.js";
import { Exchange, MECHANISMS } from "../src/sasl/index.js";
import { accept } from "../src/server/server.js";
import type { SMTPAddress } from "../src/types/index.js";
import { parsePathCommand } from "../src/wire/address.js";
import { parseAttributes } from "../src/wire/attributes.js";
import { DotReader } from "../src/wire/dot-reader.js";
import { LineReader, OVERLONG } from "../src/wire/line-reader.js";
import { NewlineGuard } from "../src/wire/newlines.js";
import { MAX_V2_LENGTH, ProxyHeaderReader } from "../src/wire/proxy-header.js";
import { makeServer } from "./support/client.js";
import { MemoryTransport } from "./support/memory-transport.js";
import { growth, restorePrimitives, step, steps, watch } from "./support/steps.js";

const LINEAR = 2.2;
const POLICIES = ["reject", "normalize", "accept"] as const;
/** Octets of a line: all that a reader holds, and goes through, for one that comes byte by byte. */
const LIMIT = 64;
const sink = { push: step };
afterAll(restorePrimitives);

/** `text` again and again, `size` octets in pieces of `piece`. */
function pieces(text: string, size: number, piece: number): Buffer[] {
  const all = Buffer.alloc(size, text, "latin1");
  return Array.from({ length: Math.ceil(size / piece) }, (_, at) =>
    Buffer.from(all.subarray(at * piece, (at + 1) * piece)),
  );
}

test("the count tells work that goes with the square from work that is linear", () => {
  const square = (size: number) => (): void => {
    const list = Array.from({ length: size }, (_, at) => at);
    for (const entry of list) list.indexOf(entry);
  };
  expect(growth(square, 1000)).toBeGreaterThan(3.9);
  const looks = (size: number) => {
    const bytes = watch(Buffer.alloc(size));
    return (): void => {
      for (let at = 0; at < size; at++) for (let before = 0; before <= at; before++) void bytes[before];
    };
  };
  expect(growth(looks, 50)).toBeGreaterThan(3.8);
  const copies = (size: number) => (): void => {
    let all = Buffer.alloc(0);
    for (let at = 0; at < size; at++) all = Buffer.concat([all, Buffer.alloc(1)]);
  };
  expect(growth(copies, 500)).toBeGreaterThan(3.9);
  expect(growth((size) => () => void Buffer.alloc(size).indexOf(1), 1000)).toBeCloseTo(2, 1);
});

describe.each(POLICIES)("lines, %s", (policy) => {
  test.each([
    ["short lines", "NOOP\r\n"],
    ["empty lines", "\r\n"],
    ["bare LF", "\n"],
    ["bare CR", "\r"],
    ["bare CR by turns with LF", "\n\r"],
    ["a bare CR a word", "NOOP\r"],
  ])("%s, many in one read, and in small ones", (_, text) => {
    for (const piece of [Infinity, 7, 1]) {
      const read = (size: number) => {
        const reads = pieces(text, size, Math.min(piece, size)).map(watch);
        const reader = new LineReader();
        return (): void => {
          for (const bytes of reads) {
            reader.push(bytes);
            for (let line; (line = reader.next(LIMIT, policy)) !== undefined;) {
              step();
              if (line === OVERLONG) reader.skipLine();
            }
          }
        };
      };
      expect(growth(read, 300)).toBeLessThanOrEqual(LINEAR);
    }
  });
});

describe("messages", () => {
  const bodies = [
    "x",
    "\r\n",
    "..\r\n",
    "\r\n..",
    ".x\r\n",
    ".\rx\r\n",
    ".\r",
    ".",
    "\n",
    "\r",
    "\n\r",
    "\n.",
    "xx\n",
    "\r\r\n",
    "\0",
  ];
  test.each(bodies)("%j through the reader of dots", (text) => {
    for (const piece of [Infinity, 100, 1]) {
      const read = (size: number) => {
        const reads = pieces(text, size, Math.min(piece, size)).map(watch);
        const reader = new DotReader();
        return (): void => {
          for (const bytes of reads) reader.read(bytes, sink);
        };
      };
      expect(growth(read, 300)).toBeLessThanOrEqual(LINEAR);
    }
  });

  test.each(bodies)("%j through the guard of newlines", (text) => {
    for (const policy of POLICIES) {
      for (const piece of [Infinity, 100, 1]) {
        const pass = (size: number) => {
          const reads = pieces(text, size, Math.min(piece, size));
          const guard = new NewlineGuard(policy);
          return (): void => {
            for (const bytes of reads) guard.pass(bytes, sink);
            // A message that was refused costs nothing more.
            step();
          };
        };
        // The larger one is over 16 kB, for the search goes block by block.
        expect(growth(pass, piece === 1 ? 300 : 9000)).toBeLessThanOrEqual(LINEAR);
      }
    }
  });

  test.each([1, 3, 1023, 1024])("chunks of %i octets through the queue", (length) => {
    const queue = (size: number) => {
      const reads = pieces("x", size * length, length);
      const chunks = new ChunkQueue();
      return (): void => {
        for (const bytes of reads) chunks.add(bytes);
        while (chunks.take()) step();
      };
    };
    expect(growth(queue, 100)).toBeLessThanOrEqual(LINEAR);
  });
});

describe("parsers", () => {
  test.each([
    [
      "parameters",
      (size: number) => `<a@b.c>${Array.from({ length: size }, (_, at) => ` k${at}=v`).join("")}`,
    ],
    ["the same parameter", (size: number) => `<a@b.c>${" A=".repeat(size)}`],
    ["spaces", (size: number) => `<a@b.c>${" ".repeat(size)}x`],
    ["tabs", (size: number) => `<a@b.c>${"\t".repeat(size)}x`],
    ["xtext", (size: number) => `<a@b.c> ENVID=${"+41".repeat(size)}`],
    ["xtext that is no UTF-8", (size: number) => `<a@b.c> ENVID=${"+C3".repeat(size)}`],
    ["single escapes", (size: number) => `<a@b.c> ENVID=${"+41x".repeat(size)}`],
    ["dots", (size: number) => `<${"a.".repeat(size)}a@b.c>`],
    ["labels", (size: number) => `<a@b${".c".repeat(size)}>`],
    ["A-labels", (size: number) => `<a@b${".xn--mnchen-3ya".repeat(size)}>`],
    ["a route", (size: number) => `<@a${",@a".repeat(size)}:a@b.c>`],
    ["quoted pairs", (size: number) => `<"${"\\\\".repeat(size)}"@b.c>`],
    ["at signs", (size: number) => `<a${"@a".repeat(size)}>`],
    ["what does not end", (size: number) => `<a@${"b".repeat(size)}`],
  ])("a path command of many %s", (_, tail) => {
    for (const lenient of [false, true]) {
      const parse = (size: number) => {
        const line = `MAIL FROM:${tail(size)}`;
        return () => void parsePathCommand(line, "MAIL FROM", lenient);
      };
      expect(growth(parse, 200)).toBeLessThanOrEqual(LINEAR);
    }
  });

  test.each([
    "NAME=x ",
    "NAME=+61+2E+62 ",
    "NAME=[UNAVAILABLE] ",
    "ADDR=IPV6:2001:db8::1 ",
    "PORT= ",
    " ",
    "\t",
    "NAME=a= ",
  ])("attributes: %j", (attribute) => {
    const parse = (size: number) => {
      const args = `${attribute.repeat(size)}NAME=x`;
      return () => void parseAttributes(args, new Set(["NAME", "ADDR", "PORT"]), new Set(["[UNAVAILABLE]"]));
    };
    expect(growth(parse, 200)).toBeLessThanOrEqual(LINEAR);
  });

  test("a PROXY header in pieces of an octet copies what it holds, and holds no more than it may have", () => {
    const v2 = Buffer.concat([
      Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x11", "latin1"),
      Buffer.from([MAX_V2_LENGTH >> 8, MAX_V2_LENGTH & 0xff]),
      Buffer.alloc(MAX_V2_LENGTH),
    ]);
    const v1 = Buffer.from(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`);
    for (const header of [v1, v2]) {
      let parsed: unknown;
      const cost = steps(() => {
        const reader = new ProxyHeaderReader();
        for (let at = 0; at < header.length; at++) parsed = reader.push(header.subarray(at, at + 1));
      });
      expect(parsed).toMatchObject({ type: "header" });
      // A bound on each octet, whatever a client sends: no more than the longest header, some eight times over.
      expect(cost / header.length).toBeLessThanOrEqual(header === v1 ? 8 * 107 : 16 + MAX_V2_LENGTH);
    }
    // Beyond that nothing is held: neither line nor block goes on.
    const endless = (size: number) => {
      const reads = pieces("PROXY UNKNOWN ", size, 1);
      const reader = new ProxyHeaderReader();
      return (): void => {
        for (const bytes of reads) if (reader.push(bytes)) break;
      };
    };
    expect(growth(endless, 1000)).toBeLessThanOrEqual(LINEAR);
  });

  test.each([
    ["PLAIN", (size: number) => `\0x\0${"y".repeat(size)}`],
    ["LOGIN", (size: number) => "x".repeat(size)],
    ["XOAUTH2", (size: number) => `user=x\x01auth=Bearer y\x01${"a=\x01".repeat(size / 3)}\x01`],
    ["OAUTHBEARER", (size: number) => `n,,\x01${"a=\x01".repeat(size / 3)}\x01`],
    ["OAUTHBEARER", (size: number) => `n,${"a=".repeat(size / 2)},\x01`],
    ["CRAM-MD5", (size: number) => `${"x".repeat(size)} ${"0".repeat(32)}`],
    ["SCRAM-SHA-256", (size: number) => `n,,n=${"=2C".repeat(size / 3)},r=abc`],
    ["SCRAM-SHA-256", (size: number) => `n,,n=x,r=abc${",a=b".repeat(size / 4)}`],
  ] as const)("a line of %s", (name, message) => {
    const mechanism = MECHANISMS.get(name);
    if (!mechanism) throw new Error(`no mechanism ${name}`);
    for (const encode of [(text: string) => Buffer.from(text).toString("base64"), (text: string) => text]) {
      const run = (size: number) => {
        const line = encode(message(size));
        const exchange = new Exchange(mechanism, {
          hostname: "mx.test",
          offersPlus: false,
          scramSecret: "x",
        });
        exchange.begin(undefined);
        return () => void exchange.line(line);
      };
      expect(growth(run, 3000)).toBeLessThanOrEqual(LINEAR);
    }
  });
});

describe("recipients", () => {
  const address = (at: number): SMTPAddress => ({ address: `user${at}@example.test`, args: false });
  const known = (size: number): { recipients: Recipients; rcptTo: SMTPAddress[] } => {
    const recipients = new Recipients();
    const rcptTo: SMTPAddress[] = [];
    for (let at = 0; at < size; at++) recipients.accept(address(at), rcptTo, 30);
    return { recipients, rcptTo };
  };

  test("accepting many, and the same ones again", () => {
    expect(growth((size) => () => void known(size), 1000)).toBeLessThanOrEqual(LINEAR);
    const again = (size: number) => {
      const { recipients, rcptTo } = known(size);
      return (): void => {
        for (let at = 0; at < size; at++) recipients.accept(address(size - 1 - at), rcptTo, 30);
      };
    };
    expect(growth(again, 1000)).toBeLessThanOrEqual(LINEAR);
  });

  test("the places of a list that no hook touched", () => {
    const places = (size: number) => {
      const { recipients, rcptTo } = known(size);
      return () => void recipients.positions(rcptTo);
    };
    expect(growth(places, 300)).toBeLessThanOrEqual(LINEAR);
  });
});

describe("a connection", () => {
  const ENVELOPE = "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n";
  // Time stands still: no client has had its turn, and all that it sends is done at once.
  beforeEach(() => void spyOn(performance, "now").mockReturnValue(0));
  afterEach(() => mock.restore());

  test.each([
    ["NOOP", "", "NOOP\r\n"],
    ["EHLO", "", "EHLO x\r\n"],
    ["chunks of an octet", ENVELOPE, "BDAT 1\r\nx"],
    ["chunks of nothing", ENVELOPE, "BDAT 0\r\n"],
    ["refused chunks of an octet", "EHLO x\r\n", "BDAT 1\r\nx"],
    ["a message of dots", `${ENVELOPE}DATA\r\n`, "..\r\n"],
    ["recipients that are refused", "EHLO x\r\n", "RCPT TO:<d@e.f>\r\n"],
  ])("%s, in one read and byte by byte", (_, opening, text) => {
    for (const piece of [Infinity, 1]) {
      const talk = (size: number) => {
        const server = makeServer();
        const transport = new MemoryTransport();
        accept(server, transport);
        transport.send(Buffer.from(opening));
        const reads = pieces(text, size, Math.min(piece, size));
        return (): void => {
          for (const bytes of reads) transport.send(bytes);
          expect(transport.paused).toBe(false);
          transport.reset();
        };
      };
      expect(growth(talk, 300 - (300 % text.length))).toBeLessThanOrEqual(LINEAR);
    }
  });
});

describe("what attacks found", () => {
  test("a line that comes byte by byte", () => {
    const read = (size: number) => {
      const reads = pieces("x", size, 1);
      const reader = new LineReader();
      return (): void => {
        for (const bytes of reads) {
          reader.push(bytes);
          reader.next(Infinity, "reject");
        }
      };
    };
    expect(growth(read, 1000)).toBeLessThanOrEqual(LINEAR);
  });

  test("the places of recipients in a list that a hook edited", () => {
    const places = (size: number) => {
      const recipients = new Recipients();
      const rcptTo: SMTPAddress[] = [];
      for (let at = 0; at < size; at++) {
        recipients.accept({ address: `user${at}@example.test`, args: false }, rcptTo, 30);
      }
      rcptTo.shift();
      return () => void recipients.positions(rcptTo);
    };
    expect(growth(places, 300)).toBeLessThanOrEqual(LINEAR);
  });

  test("a command of parameters without end is refused", () => {
    spyOn(performance, "now").mockReturnValue(0);
    const transport = new MemoryTransport();
    accept(makeServer(), transport);
    const parameters = Array.from({ length: 100 }, (_, at) => ` k${at}`).join("");
    transport.send(Buffer.from("EHLO x\r\nMAIL FROM:<a@b.c>\r\n"));
    transport.output = "";
    transport.send(Buffer.from(`RCPT TO:<d@e.f>${parameters}\r\n`));
    expect(transport.output).toMatch(/^(?:501|555) /);
    transport.reset();
    mock.restore();
  });

  test.each(["\n", "\r", "\n\r", "x\n"])("a message of %j is not handed over octet by octet", (text) => {
    const OCTETS = 8192;
    let made = 0;
    const guard = new NewlineGuard("normalize");
    guard.pass(Buffer.alloc(OCTETS, text), { push: () => (made += 1) });
    // A chunk is an object of some hundred octets: where it holds fewer than that, it costs more than what it holds.
    expect(made).toBeLessThanOrEqual(OCTETS / 128);
  });
});
