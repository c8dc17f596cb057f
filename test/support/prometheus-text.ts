/** One sample of Prometheus's text format: a name, its labels and a value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric: what its samples have in common. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?[0-9.]+(?:e[+-]?\\d+)?)$`);

/**
 * Reads the text format of Prometheus, version 0.0.4, strictly.
 * @throws for a line that is none, a family without HELP and TYPE, and a sample that comes twice
 */
export function parseMetrics(text: string): Family[] {
  if (!text.endsWith("\n")) throw new Error("The last line has no end");
  const families: (Family & { samples: Sample[] })[] = [];
  const seen = new Set<string>();
  const lines = text.slice(0, -1).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const help = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line);
    if (help) {
      const [, name = "", words = ""] = help;
      const [, type] = new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`).exec(lines[++at] ?? "") ?? [];
      if (!type || families.some((family) => family.name === name)) throw new Error(`A bad head: ${line}`);
      families.push({ name, help: words, type, samples: [] });
      continue;
    }
    const [, name = "", labels = "", value] = SAMPLE.exec(line) ?? [];
    const family = families.at(-1);
    const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (value === undefined || !family || !suffixes.some((suffix) => name === family.name + suffix))
      throw new Error(`No sample of ${family?.name}: ${line}`);
    if (seen.has(name + labels)) throw new Error(`Twice: ${line}`);
    seen.add(name + labels);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
      key,
      text,
    ]);
    family.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
  }
  return families;
}
