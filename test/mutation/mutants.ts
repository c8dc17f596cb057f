/**
 * The mutants of a source file: those of Stryker's instrumenter, and two kinds of our own that it lacks. All mutants of a
 * file are in one instrumented text, and an environment variable says which of them is active.
 */

/** What is used of a node of Babel's syntax tree: the instrumenter has no types in a clean clone. */
interface SyntaxNode {
  readonly type: string;
  readonly [property: string]: unknown;
}
interface Path {
  readonly node: SyntaxNode;
  readonly parent?: SyntaxNode;
  readonly parentPath?: Path;
  readonly listKey?: string;
  readonly key?: string | number;
}
interface Mutator {
  readonly name: string;
  mutate(path: Path): Iterable<SyntaxNode>;
}
interface Position {
  /** From 0, as `column` is. */
  readonly line: number;
  readonly column: number;
}
interface StrykerMutant {
  readonly id: string;
  readonly fileName: string;
  readonly location: { readonly start: Position; readonly end: Position };
  readonly replacement: string;
  readonly status?: string;
}
interface StrykerInstrumenter {
  instrument(
    files: readonly { name: string; mutate: boolean; content: string }[],
    options: { plugins: null; excludedMutations: string[]; ignorers: object[] },
  ): Promise<{ files: { name: string; content: string }[]; mutants: StrykerMutant[] }>;
}

/** A small change of a source file. */
export interface Mutant {
  /** What activates it: unique among the files that were instrumented together. */
  readonly id: string;
  /** Its file, relative to `src/`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The declaration that it is in: `function` or `Class.member`. */
  readonly inside: string;
  /** Its line with the change in place, `‹before → after›`; with `inside` it names the mutant. */
  readonly change: string;
}

/** A file with all of its mutants in place. */
export interface Instrumented {
  readonly file: string;
  readonly text: string;
  readonly mutants: readonly Mutant[];
}

/** Each number becomes the next one. Stryker has no such mutator, and reply codes and bounds are numbers. */
const numbers: Mutator = {
  name: "NumberLiteral",
  *mutate({ node, parent, key }) {
    if (parent?.type === "ObjectProperty" && key === "key") return;
    if (node.type === "NumericLiteral") yield { type: node.type, value: Number(node["value"]) + 1 };
    if (node.type === "BigIntLiteral")
      yield { type: node.type, value: String(BigInt(String(node["value"])) + 1n) };
  },
};

/**
 * Each statement that does something is left out: a call, an assignment, `delete`, `throw`. Stryker's own mutator leaves
 * out calls, and only those without another mutant in them. The only statement of a block is left to the mutator of blocks.
 */
const statements: Mutator = {
  name: "Statement",
  *mutate({ node, parent }) {
    if (parent?.type === "BlockStatement" && (parent["body"] as unknown[]).length === 1) return;
    const { type, callee } = (node.type === "ExpressionStatement" ? node["expression"] : node) as SyntaxNode;
    if (node.type !== "ExpressionStatement" && node.type !== "ThrowStatement") return;
    if ((callee as SyntaxNode | undefined)?.type === "Super" || type === "UpdateExpression") return;
    yield { type: "EmptyStatement" };
  },
};

/**
 * The texts of log entries are no promise: a string among the arguments of `log(logger, level, entry, …)` behind the entry,
 * or of the method `log(level, entry, …)`. That there is an entry, its level and its fields are mutated as all else is.
 */
const logTexts = {
  shouldIgnore(path: Path): string | undefined {
    if (path.node.type !== "StringLiteral" && path.node.type !== "TemplateLiteral") return undefined;
    for (let at: Path | undefined = path; at; at = at.parentPath) {
      const callee = at.parent?.type === "CallExpression" ? (at.parent["callee"] as SyntaxNode) : undefined;
      const method = callee?.["property"] as SyntaxNode | undefined;
      const entry = callee?.["name"] === "log" ? 2 : method?.["name"] === "log" ? 1 : undefined;
      if (entry !== undefined && at.listKey === "arguments")
        return Number(at.key) > entry ? "log text" : undefined;
    }
    return undefined;
  },
};

/** Puts all of its mutants into each of the files. */
export async function instrument(
  sources: readonly { readonly file: string; readonly text: string }[],
): Promise<Instrumented[]> {
  // Not by name, for these are not among what the package exports, and not as literals, for `tsc` to pass without them.
  const stryker = `${import.meta.dir}/node_modules/@stryker-mutator/instrumenter/dist/src`;
  const { allMutators } = (await import(`${stryker}/mutators/index.js`)) as { allMutators: Mutator[] };
  const calls = allMutators.findIndex(({ name }) => name === "CallExpression");
  allMutators.splice(calls, calls < 0 ? 0 : 1);
  for (const mutator of [numbers, statements]) if (!allMutators.includes(mutator)) allMutators.push(mutator);
  const { Instrumenter } = (await import(`${stryker}/index.js`)) as {
    Instrumenter: new (logger: object) => StrykerInstrumenter;
  };
  const ignore = (): void => {};
  const logger = { debug: ignore, info: ignore, warn: console.warn, isDebugEnabled: () => false };
  const done = await new Instrumenter(logger).instrument(
    sources.map(({ file, text }) => ({ name: file, mutate: true, content: text })),
    { plugins: null, excludedMutations: [], ignorers: [logTexts] },
  );
  return sources.map(({ file, text }, at) => ({
    file,
    text: done.files[at]?.content ?? "",
    mutants: named(
      done.mutants.filter((mutant) => mutant.fileName === file && mutant.status !== "Ignored"),
      text.split("\n"),
    ),
  }));
}

/** Gives mutants names that hold while other lines of the file change. */
function named(mutants: readonly StrykerMutant[], lines: readonly string[]): Mutant[] {
  const seen = new Map<string, number>();
  return mutants.map(({ id, fileName: file, location: { start, end }, replacement }) => {
    const inside = declarationAt(start.line, lines);
    const before = lines.slice(start.line, end.line + 1);
    const last = before.length - 1;
    const suffix = before[last]?.slice(end.column) ?? "";
    before[last] = before[last]?.slice(0, end.column) ?? "";
    const prefix = before[0]?.slice(0, start.column) ?? "";
    before[0] = before[0]?.slice(start.column) ?? "";
    const change = oneLine(`${prefix}‹${short(before.join("\n"))} → ${short(replacement)}›${suffix}`);
    const nth = (seen.get(inside + change) ?? 0) + 1;
    seen.set(inside + change, nth);
    return { id, file, line: start.line + 1, inside, change: nth === 1 ? change : `${change} #${nth}` };
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** The two ends of a text that is too long to name something. */
function short(text: string): string {
  const line = oneLine(text);
  return line.length > 80 ? `${line.slice(0, 50)} … ${line.slice(-25)}` : line;
}

/** The name of the declaration around a line. The source is formatted, so its indentation tells. */
function declarationAt(line: number, lines: readonly string[]): string {
  const nameAbove = (from: number, declaration: RegExp): [name: string, line: number] => {
    for (let at = from; at >= 0; at--) {
      const name = declaration.exec(lines[at] ?? "")?.[1];
      if (name !== undefined) return [name, at];
    }
    return ["", -1];
  };
  const [outer, from] = nameAbove(
    line,
    /^(?:(?:export|default|async|abstract|function\*?|class|const|let) )+(\w+)/,
  );
  if (from < 0 || !/\bclass /.test(lines[from] ?? "")) return outer;
  const [member, at] = nameAbove(
    line,
    /^  (?:(?:static|readonly|override|async|get|set|declare) |\*)*(#?\w+)/,
  );
  return at > from ? `${outer}.${member}` : outer;
}
