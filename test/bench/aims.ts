/** What the library is held to, as a table of ratios within one run. */
import type { Result } from "./figure.js";
import { option } from "./harness.js";
import type { PeerName } from "./peers.js";

export type Bound = "at least" | "at most";
/** A median of one figure: its rate (or what its unit says), or the server's CPU for each message. */
interface Point {
  figure: string;
  server: PeerName;
  by: "value" | "cpu";
}
export interface Aim {
  what: string;
  ours: Point;
  other: Point;
  bound: Bound;
  aim: number;
  /** Compared with the ratio of the two where not said. */
  compare?: (ours: number, other: number) => number;
}

/** Ours beside another server, in one figure. */
function beside(figure: string, server: PeerName, by: Point["by"], bound: Bound, aim: number): Aim {
  return {
    what: `${figure}: ${by === "cpu" ? "CPU" : "rate"} / ${server}'s`,
    ours: { figure, server: "bun-smtp", by },
    other: { figure, server, by },
    bound,
    aim,
  };
}

/** Our CPU for a message of one figure beside that of another. */
function growth(what: string, figure: string, from: string, aim: number, compare?: Aim["compare"]): Aim {
  return {
    what,
    ours: { figure, server: "bun-smtp", by: "cpu" },
    other: { figure: from, server: "bun-smtp", by: "cpu" },
    bound: "at most",
    aim,
    ...(compare && { compare }),
  };
}

/** Ours alone, beside nothing. */
function absolute(figure: string, unit: string, by: Point["by"], aim: number): Aim {
  const point: Point = { figure, server: "bun-smtp", by };
  return {
    what: `${figure}: ${unit}`,
    ours: point,
    other: point,
    bound: "at most",
    aim,
    compare: (ours) => ours,
  };
}

/** The example mx beside another server that stores. */
function durable(figure: string, server: PeerName, aim: number): Aim {
  return {
    what: `${figure}: rate of mx / ${server === "Postfix's intake" ? server : `${server}'s`}`,
    ours: { figure, server: "mx", by: "value" },
    other: { figure, server, by: "value" },
    bound: "at least",
    aim,
  };
}

const LOOP = "bare loop";
const KEPT = "kept, 4 kB, 20 clients";
const RECONNECT = "a connection a message, 1 kB, 20 clients";
const DOTS = "10 MB, a dot on every line, own load";
const FIRST = "the first 1000 messages, 4 kB, 20 clients";
const MEMORY = "resident memory after 70 000 messages of 4 kB";
const DURABLE = ["durable, 4 kB, 20 clients", "durable, 4 kB, 100 clients"];
const IDLE = "10000 idle connections";

/** CPU beside the bare loop's: how close to the least that any server on Bun can take. */
const CLOSE: readonly [figure: string, aim: number][] = [
  // On another core the load never interrupts the server that has just woken it.
  [KEPT, option("pin", "together") === "apart" ? 1.1 : 1.3],
  ["kept, 1 kB, 2000 clients", 1.6],
  ["kept, 100 kB, 20 clients", 1.5],
  [RECONNECT, 1.25],
  ["a connection a message, pipelined, 1 kB, 20 clients", 1.25],
  ["STARTTLS, 4 kB, 20 clients", 1.25],
  ["implicit TLS, 4 kB, 20 clients", 1.25],
  ["LMTP, 10 recipients, 4 kB, 20 clients", 1.25],
  ["1000 recipients, 1 kB, 10 clients", 1.25],
  [DOTS, 1.8],
];

export const aims: readonly Aim[] = [
  ...CLOSE.map(([figure, aim]) => beside(figure, LOOP, "cpu", "at most", aim)),
  growth(
    "growth: CPU a message, 2000 clients / 20",
    "kept, 1 kB, 2000 clients",
    "kept, 1 kB, 20 clients",
    1.7,
  ),
  growth(
    "growth: CPU a recipient, 1000 recipients / 100",
    "1000 recipients, 1 kB, 10 clients",
    "100 recipients, 1 kB, 10 clients",
    1.2,
    (thousand, hundred) => thousand / 1000 / (hundred / 100),
  ),
  absolute(FIRST, "µs of CPU each", "cpu", 25),
  absolute(MEMORY, "MB", "value", 60),
  beside(KEPT, "smtp-sink", "cpu", "at most", 1),
  beside(RECONNECT, "smtp-sink", "value", "at least", 0.9),
  ...["Web and Node stream, 4 kB, 20 clients", "Web and Node stream, 10 MB, 4 clients"].map(
    (figure): Aim => ({
      what: `${figure}: CPU of the Node stream / the Web stream's`,
      ours: { figure, server: "bun-smtp (Node stream)", by: "cpu" },
      other: { figure, server: "bun-smtp", by: "cpu" },
      bound: "at most",
      aim: 1.3,
    }),
  ),
  beside("STARTTLS, sessions", "bare loop", "value", "at least", 0.9),
  beside("implicit TLS, sessions", "bare loop", "value", "at least", 0.9),
  beside("STARTTLS, 10 MB, 4 clients", "bare loop", "value", "at least", 0.8),
  beside("implicit TLS, 10 MB, 4 clients", "bare loop", "value", "at least", 0.8),
  {
    what: "10 000 idle connections: kB each above the bare loop's",
    ours: { figure: IDLE, server: "bun-smtp", by: "value" },
    other: { figure: IDLE, server: "bare loop", by: "value" },
    bound: "at most",
    aim: 3,
    compare: (ours, bare) => ours - bare,
  },
  ...DURABLE.flatMap((figure) => [
    durable(figure, "Postfix's intake", 4),
    durable(figure, "smtp-server, durable (bun)", 2),
    durable(figure, "smtp-server, durable (node)", 2),
  ]),
];

/**
 * How ours stands to an aim, round by round: both were measured within seconds there, so that what else the
 * machine did weighs on both. Empty where a figure that it needs was not taken.
 * With a `standIn` in our place: how the bare loop stands is the best that any server on Bun could do.
 */
export function standing(aim: Aim, results: readonly Result[], standIn?: PeerName): number[] {
  if (standIn && aim.ours.server !== "bun-smtp") return [];
  const look = ({ figure, server, by }: Point): number[] =>
    results
      .filter((result) => result.figure.name === figure && result.server === server)
      .flatMap(({ samples }) => samples.map((sample) => sample[by] ?? NaN));
  const place = (point: Point): Point =>
    standIn && point.server === "bun-smtp" ? { ...point, server: standIn } : point;
  const others = look(place(aim.other));
  const compare = aim.compare ?? ((ours, other) => ours / other);
  return look(place(aim.ours)).flatMap((ours, round) => {
    const other = others[round];
    return other === undefined ? [] : [compare(ours, other)];
  });
}

export function isMet({ bound, aim }: Aim, is: number): boolean {
  return bound === "at least" ? is >= aim : is <= aim;
}
