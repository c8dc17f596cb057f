/** Packs this package, and installs programs in a folder of their own with and without it. */
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../../..");

/** Runs a program to its end; throws with what it wrote where that is not good. */
export async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdout: "pipe", stderr: "pipe", timeout: 90_000 });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${code}\n${out}${err}`);
  return out;
}

/** A folder that is empty. */
export const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), "bun-smtp-drop-in-"));

/** The package as it would be published: the path of its tarball. */
export async function pack(folder: string): Promise<string> {
  await run([process.execPath, "pm", "pack", "--destination", folder], ROOT);
  const name = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  if (!name) throw new Error("no tarball");
  return join(folder, name);
}

/**
 * Installs a manifest and its lock file in a new folder.
 * @param replacement what `smtp-server` is to be instead of what the manifest says
 */
export async function install(from: string, to: string, replacement?: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await cp(join(from, "bun.lock"), join(to, "bun.lock"));
  let manifest = await readFile(join(from, "package.json"), "utf8");
  if (replacement) manifest = manifest.replaceAll(/("smtp-server": )"[^"]*"/g, `$1"file:${replacement}"`);
  await writeFile(join(to, "package.json"), manifest);
  const frozen = replacement ? [] : ["--frozen-lockfile"];
  await run([process.execPath, "install", "--ignore-scripts", ...frozen], to);
}
