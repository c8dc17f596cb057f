/**
 * Reads what a module of src/ exports, by the regular form that Prettier gives it: declarations at the margin,
 * members indented by two spaces. (TypeScript 7 has an API, which does not run on Bun.)
 */
import { readFileSync } from "node:fs";

/** A member of an interface or class, with the text of its docstring. */
export interface Member {
  name: string;
  type: string;
  doc: string;
}

/** What a module exports: interfaces and classes with their members, and the names of the other types. */
export interface Module {
  interfaces: Map<string, Member[]>;
  names: string[];
  /** Docstrings by exported name. */
  docs: Map<string, string>;
}

const DECLARATION =
  /(?:\/\*\*((?:(?!\*\/)[^])*?)\*\/\s*)?^(?:export )(?:declare )?(interface|class|type|const|function) (\w+)[^]*?$/gm;

/** @param path of the file */
export function moduleOf(path: string): Module {
  const source = readFileSync(path, "utf8");
  const module: Module = { interfaces: new Map(), names: [], docs: new Map() };
  for (const { 0: all, 1: doc = "", 2: kind = "", 3: name = "", index } of source.matchAll(DECLARATION)) {
    if (!module.names.includes(name)) module.names.push(name);
    module.docs.set(name, (module.docs.get(name) ?? "") + doc);
    if (kind !== "interface" && kind !== "class") continue;
    const start = index + all.indexOf(kind, all.lastIndexOf("*/") + 1);
    const body = /\{\n([^]*?)^\}/m.exec(source.slice(start))?.[1] ?? "";
    const isEmpty = /^[^\n]*\{\}\n/.test(source.slice(start));
    // A class and an interface of one name are one.
    module.interfaces.set(name, [
      ...(module.interfaces.get(name) ?? []),
      ...(isEmpty ? [] : membersOf(body)),
    ]);
  }
  return module;
}

/** The members in the body of an interface or class, private ones left out. */
export function membersOf(body: string): Member[] {
  const found: Member[] = [];
  const members = body.matchAll(
    /^ {2}(?:\/\*\*((?:(?!\*\/)[^])*?)\*\/\n {2})?(?:readonly |static |declare |override |async |get )*(?!set |constructor|#|\[|\}|\.\.\.)(\w+)\??(?:[:(<]) ?([^;]*)/gm,
  );
  for (const [, doc = "", name = "", type = ""] of members) {
    const earlier = found.find((member) => member.name === name);
    if (earlier) earlier.doc ||= doc;
    else found.push({ name, type: type.replace(/\s+/g, " ").trim(), doc });
  }
  return found;
}
