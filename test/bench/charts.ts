/** Bar charts of the figures, as SVG that follows the reader's light or dark colours. */
import { mkdirSync, writeFileSync } from "node:fs";
import type { Row } from "./results.js";
import { digits, type Spread } from "./statistics.js";

interface Chart {
  file: string;
  title: string;
  note: string;
  figure: string;
  by: "value" | "cpu";
  unit: string;
  /** Servers that would make the others too small to see. */
  without?: readonly string[];
}

const CHARTS: readonly Chart[] = [
  {
    file: "cpu-4-kb.svg",
    title: "CPU for a 4 kB message",
    note: "microseconds, kept connections; less is better",
    figure: "kept, 4 kB, 20 clients",
    by: "cpu",
    unit: "µs",
  },
  {
    file: "large-messages.svg",
    title: "Messages of 10 MB, 4 clients",
    note: "megabytes per second; more is better",
    figure: "10 MB, 4 clients",
    by: "value",
    unit: "MB/s",
  },
  {
    file: "starttls.svg",
    title: "CPU for a STARTTLS session",
    note: "microseconds: connect, handshake, quit; less is better",
    figure: "STARTTLS, sessions",
    by: "cpu",
    unit: "µs",
  },
  {
    file: "idle-memory.svg",
    title: "Memory of an idle connection",
    note: "kilobytes each, with 10 000 connections; less is better",
    figure: "10000 idle connections",
    by: "value",
    unit: "kB",
    without: ["smtp-sink"],
  },
];

const WIDTH = 640;
const LABEL = 156;
const BARS = 380;
const TOP = 64;
const STEP = 32;

const STYLE = `
    text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 16px; }
    .note, .range { fill: #59636e; }
    .note { font-size: 13px; }
    .own { fill: #c2410c; }
    .other { fill: #8c959f; }
    .range { stroke: #1f2328; stroke-width: 1.5; opacity: 0.6; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .note { fill: #9198a1; }
      .own { fill: #fb923c; }
      .other { fill: #6e7681; }
      .range { stroke: #e6edf3; }
    }
  `;

function draw(chart: Chart, rows: readonly Row[]): string {
  const bars = rows.flatMap((row): { server: string; spread: Spread }[] => {
    const spread = row.figure === chart.figure ? row[chart.by] : undefined;
    return spread && !chart.without?.includes(row.server) ? [{ server: row.server, spread }] : [];
  });
  if (bars.length === 0) throw new Error(`Nothing was measured for ${chart.file}`);
  const most = Math.max(...bars.map(({ spread }) => spread[2]));
  const x = (value: number): string => (LABEL + (value / most) * BARS).toFixed(1);
  const height = TOP + bars.length * STEP + 8;
  const text = bars
    .map(({ server, spread: [middle] }) => `${server} ${digits(middle)} ${chart.unit}`)
    .join(", ");
  const lines = bars.flatMap(({ server, spread: [middle, least, greatest] }, index) => {
    const y = TOP + index * STEP;
    return [
      `<text x="${LABEL - 10}" y="${y + 16}" text-anchor="end">${server}</text>`,
      `<rect class="${server.startsWith("bun-smtp") ? "own" : "other"}" x="${LABEL}" y="${y}" width="${((middle / most) * BARS).toFixed(1)}" height="22" rx="3"/>`,
      `<path class="range" d="M${x(least)} ${y + 11}H${x(greatest)}"/>`,
      `<text x="${Math.max(Number(x(middle)), Number(x(greatest))) + 8}" y="${y + 16}">${digits(middle)} ${chart.unit}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${chart.title}: ${text}</title>`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="8" y="24">${chart.title}</text>`,
    `<text class="note" x="8" y="46">${chart.note}</text>`,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

/** The charts by the names of their files. */
export function chartsOf(rows: readonly Row[]): Map<string, string> {
  return new Map(CHARTS.map((chart) => [chart.file, draw(chart, rows)]));
}

/** Writes them into docs/charts. */
export function writeCharts(rows: readonly Row[]): void {
  const folder = new URL("../../docs/charts/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [file, svg] of chartsOf(rows)) writeFileSync(new URL(file, folder), svg);
}
