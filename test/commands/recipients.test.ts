import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { Recipients } from "../../src/commands/recipients.js";
import type { SMTPAddress } from "../../src/index.js";
import { parsePathCommand } from "../../src/wire/address.js";

/** Accepts a RCPT command as the command does, and says whether it was accepted. */
function accept(recipients: Recipients, rcptTo: SMTPAddress[], line: string): boolean {
  if (recipients.isFull) return false;
  // As the line reader makes it: with octets of its own.
  const text = Buffer.from(line).toString();
  const path = parsePathCommand(text, "RCPT TO", false);
  if (!path) throw new Error(`${line} is no RCPT command`);
  recipients.accept(recipients.keep(path), rcptTo, text.length);
  return true;
}

function named(names: readonly string[]): { recipients: Recipients; rcptTo: SMTPAddress[] } {
  const recipients = new Recipients();
  const rcptTo: SMTPAddress[] = [];
  for (const name of names) accept(recipients, rcptTo, `RCPT TO:<${name}@b.test>`);
  return { recipients, rcptTo };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `u${index}`);

describe("where a RCPT command stands in rcptTo", () => {
  test.each([3, 16, 17, 18, 500])("with %i addresses, repeated ones at the place of the first", (count) => {
    const names = many(count);
    const { recipients, rcptTo } = named([...names, "U1", "new", ...names.toReversed(), "U2"]);
    expect(recipients.count).toBe(2 * count + 3);
    expect(rcptTo.map(({ address }) => address)).toEqual(
      [...names, "new"].map((name) => (name === "u2" ? "U2@b.test" : `${name}@b.test`)),
    );
    const places = names.map((_, index) => index);
    expect(recipients.positions(rcptTo)).toEqual([...places, 1, count, ...places.toReversed(), 2]);
    expect(
      ["u0@B.TEST", "U1@b.test", "new@b.test", "old@b.test"].map((name) => recipients.has(name)),
    ).toEqual([true, true, true, false]);
    recipients.clear();
    expect([recipients.count, recipients.has("u0@b.test"), recipients.positions([])]).toEqual([0, false, []]);
  });

  test.each([4, 40])("after a hook edited the list of %i", (count) => {
    const edits: [string, (rcptTo: SMTPAddress[]) => unknown, (index: number) => number][] = [
      ["shift", (rcptTo) => rcptTo.shift(), (index) => index - 1],
      ["reverse", (rcptTo) => rcptTo.reverse(), (index) => count - 1 - index],
      ["unshift", (rcptTo) => rcptTo.unshift({ address: "x@y", args: false }), (index) => index + 1],
      ["length", (rcptTo) => (rcptTo.length = 2), (index) => (index < 2 ? index : -1)],
      ["splice", (rcptTo) => rcptTo.splice(1, 1), (index) => (index === 1 ? -1 : index - Number(index > 1))],
      [
        "texts",
        (rcptTo) => rcptTo.splice(0, 1, "U0@b.test" as never, null as never, { address: {} } as never),
        (index) => index + 2 * Number(index > 0),
      ],
    ];
    for (const [, edit, expected] of edits) {
      const { recipients, rcptTo } = named(many(count));
      edit(rcptTo);
      expect(recipients.positions(rcptTo)).toEqual(many(count).map((_, index) => expected(index)));
    }
  });

  test("a repeated address replaces its entry where a hook has moved that to", () => {
    const { recipients, rcptTo } = named(many(30));
    rcptTo.shift();
    for (const name of ["U7", "U0", "new", "U29", "U0"])
      accept(recipients, rcptTo, `RCPT TO:<${name}@b.test> X`);
    expect(rcptTo).toHaveLength(31);
    const at = (index: number): string | undefined => rcptTo[index]?.address;
    expect([at(6), at(28), at(29), at(30)]).toEqual(["U7@b.test", "U29@b.test", "U0@b.test", "new@b.test"]);
    expect(recipients.positions(rcptTo).slice(-5)).toEqual([6, 29, 30, 28, 29]);
  });

  test("two hooks edit the list, one after the other", () => {
    const { recipients, rcptTo } = named(many(5));
    const first = rcptTo.shift() as SMTPAddress;
    accept(recipients, rcptTo, "RCPT TO:<U3@b.test>");
    expect(rcptTo[2]?.address).toBe("U3@b.test");
    rcptTo.reverse();
    accept(recipients, rcptTo, "RCPT TO:<U4@b.test>");
    expect(rcptTo.map(({ address }) => address)).toEqual(["U4", "U3", "u2", "u1"].map((u) => `${u}@b.test`));
    // What one hook has taken out, another may put back.
    rcptTo.unshift(first);
    expect(recipients.positions(rcptTo)).toEqual([0, 4, 3, 2, 1, 2, 1]);
  });

  test("an address that a hook has put into the list twice stands where it is first", () => {
    const { recipients, rcptTo } = named(many(3));
    rcptTo.unshift({ address: "U2@b.test", args: false });
    rcptTo.push({ address: "U0@b.test", args: false });
    expect(recipients.positions(rcptTo)).toEqual([1, 2, 0]);
  });

  test("takes work in proportion to the list, whatever a hook did to it", () => {
    const reads = (count: number): number => {
      let read = 0;
      const { recipients, rcptTo } = named(many(count));
      const list = rcptTo.map(({ address }) => ({
        get address() {
          read++;
          return address;
        },
        args: false as const,
      }));
      list.splice(0, count / 2);
      list.reverse();
      expect(recipients.positions(list).filter((index) => index >= 0)).toHaveLength(count / 2);
      for (let index = 0; index < count; index++) accept(recipients, list, `RCPT TO:<u${index}@b.test>`);
      return read;
    };
    expect(reads(4_000)).toBeLessThan(2.2 * reads(2_000));
  });
});

describe("what a recipient keeps of its command", () => {
  test.each([3, 40])("its own parameters, with %i before it", (count) => {
    const { recipients, rcptTo } = named(many(count));
    for (const parameters of [
      "NOTIFY=NEVER X",
      "NOTIFY=DELAY X=1",
      "NOTIFY=DELAY",
      `NOTIFY=${"A".repeat(65)}`,
    ])
      accept(recipients, rcptTo, `RCPT TO:<${rcptTo.length}@b.test> ${parameters}`);
    expect(rcptTo.map(({ args }) => args)).toEqual([
      ...many(count).map(() => false as const),
      { NOTIFY: "NEVER", X: true },
      { NOTIFY: "DELAY", X: "1" },
      { NOTIFY: "DELAY" },
      { NOTIFY: "A".repeat(65) },
    ]);
  });
});

/** How many recipients a transaction takes until it is full, `most` if it is not full by then. */
function accepted(
  most: number,
  recipient: (index: number) => SMTPAddress,
  octets: number,
  recipients: Recipients = new Recipients(),
): number {
  const rcptTo: SMTPAddress[] = [];
  let count = 0;
  for (; count < most && !recipients.isFull; count++) recipients.accept(recipient(count), rcptTo, octets);
  return count;
}

describe("a transaction is full", () => {
  test("with 100 000 recipients", () => {
    expect(accepted(100_001, (index) => ({ address: `${index}@b.test`, args: false }), 20)).toBe(100_000);
  });

  test("with 32 MiB of addresses, each of which takes 120 octets more", () => {
    const rest = "x".repeat(904 - 6);
    const address = (index: number): string => `${String(index).padStart(6, "0")}${rest}`;
    expect(accepted(100_000, (index) => ({ address: address(index), args: false }), 20)).toBe(32_768);
  });

  test("with 64 KiB of parameters, where the octets of their commands do not allow more", () => {
    const args = (index: number): { X: string } => ({ X: `${index}`.padStart(1000, "x") });
    const recipient = (index: number): SMTPAddress => ({ address: "a@b.test", args: args(index) });
    const few = accepted(1000, recipient, 0);
    expect(few).toBeWithin(45, 60);
    // Octets of commands without parameters count too.
    const recipients = new Recipients();
    recipients.accept({ address: "a@b.test", args: false }, [], 16 << 10);
    expect(accepted(1000, recipient, 0, recipients)).toBeWithin(2 * few - 5, 2 * few + 5);
    // One of 1000 octets takes about 1250; 300 octets of command allow 1200 of them, and 320 all.
    expect(accepted(5000, recipient, 300)).toBeWithin(500, 4999);
    expect(accepted(5000, recipient, 320)).toBe(5000);
  });

  test("after as many recipients in each transaction", () => {
    const recipients = new Recipients();
    const line = (index: number): SMTPAddress => ({
      address: "a@b.test",
      args: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`K${index}X${at}`, true as const])),
    });
    const counts = [1, 2, 3].map(() => {
      recipients.clear();
      return accepted(1000, line, 500, recipients);
    });
    expect(counts[0]).toBeWithin(5, 100);
    expect(counts).toEqual(counts.map(() => counts[0] as number));
  });
});

/** How many connections are measured at once: what else the heap holds comes and goes. */
const CLIENTS = 40;

/** Octets of the heap that the recipients of one connection take, octets of their commands, and how many were accepted. */
function cost(
  line: (index: number) => string,
  count: number,
): { memory: number; octets: number; accepted: number } {
  const clients = Array.from({ length: CLIENTS }, () => named([]));
  let octets = 0;
  const measure = (): number => {
    Bun.gc(true);
    const { heapSize, extraMemorySize } = heapStats();
    return heapSize + extraMemorySize;
  };
  const before = measure();
  for (const [client, { recipients, rcptTo }] of clients.entries()) {
    for (let index = 0; index < count; index++) {
      const command = line(client * count + index);
      if (!accept(recipients, rcptTo, command)) break;
      octets += command.length + 2;
    }
  }
  const memory = measure() - before;
  const accepted = clients.reduce((sum, { recipients }) => sum + recipients.count, 0);
  return { memory: memory / CLIENTS, octets: octets / CLIENTS, accepted: accepted / CLIENTS };
}

/** Letters that no other command has. */
const word = (index: number, at: number): string =>
  ((index * 37 + at) % 1_679_616).toString(36).padStart(4, "x");
const words = (index: number, count: number, value = ""): string =>
  Array.from({ length: count }, (_, at) => word(index, at) + value).join(" ");

/** The same letters, with spaces in other places. */
const cut = (index: number): string =>
  Array.from(
    { length: 30 },
    (_, at) => String.fromCharCode(97 + (at % 26)) + (index & (1 << at) ? " " : ""),
  ).join("");

describe("what recipients cost in memory", () => {
  test.each<[string, number, (index: number) => string]>([
    ["32 parameters that no other has", 100, (index) => `RCPT TO:<u${index}@e.f> ${words(index, 32)}`],
    ["32 with values", 100, (index) => `RCPT TO:<u${index}@e.f> ${words(index, 32, `=${word(index, 1)}`)}`],
    ["one that no other has", 300, (index) => `RCPT TO:<u${index}@e.f> ${words(index, 1)}`],
    ["32 flags", 100, (index) => `RCPT TO:<u${index}@e.f> ${words(0, 32)}`],
    ["32 short values", 100, (index) => `RCPT TO:<u${index}@e.f> ${words(0, 32, `=${word(index, 1)}`)}`],
    ["a long line, mostly white space", 50, (index) => `RCPT TO:<u${index}@e.f> ${" ".repeat(8_000)}X=1`],
    ["a long value", 50, (index) => `RCPT TO:<u${index}@e.f> X=${word(index, 0).repeat(2_000)}`],
    ["the same letters as other keywords", 300, (index) => `RCPT TO:<u${index}@e.f> ${cut(index)}`],
    ["a repeated address", 300, (index) => `RCPT TO:<u${index % 2}@e.f> ${words(index, 32)}`],
  ])("stays within 4 × their octets and 64 kB: %s", (_, count, line) => {
    const { memory, octets, accepted } = cost(line, count);
    expect(accepted).toBeGreaterThan(5);
    expect(memory).toBeLessThan(4 * octets + 64 * 1024);
  });

  test.each<[string, number, (index: number) => string]>([
    ["a short address", 500, (index) => `RCPT TO:<u${index}@e.f>`],
    ["an address and NOTIFY", 500, (index) => `RCPT TO:<user${index}@mail.example.com> NOTIFY=NEVER`],
    [
      "all of DSN",
      500,
      (index) =>
        `RCPT TO:<user${index}@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;user${index}@example.com`,
    ],
    ["unknown parameters", 500, (index) => `RCPT TO:<user${index}@example.com> X-A=1 X-B=${index}-of-many`],
  ])("lets honest clients have enough: %s", (_, count, line) => {
    const { memory, accepted } = cost(line, count);
    expect(accepted).toBe(count);
    expect(memory / accepted).toBeLessThan(400);
  });
});
