/**
 * Where the time of our server goes under a load: the functions with the most time of their own.
 * `bun profile.ts [--length 4096] [--clients 20] [--messages 60000] [--top 25]`
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { flag, start } from "./harness.js";
import { send, stopLoad } from "./load.js";

/** What is read of a profile of Chrome's format. */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
}

const folder = mkdtempSync(join(tmpdir(), "bun-smtp-profile-"));
const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=200"];
const server = await start("bun-smtp", [process.execPath, ...flags, "servers/ours.ts"]);
await send(server, {
  messages: flag("messages", 60_000),
  length: flag("length", 4096),
  clients: flag("clients", 20),
});
await server.end();
await stopLoad();

const [file = ""] = readdirSync(folder);
const { nodes, samples } = (await Bun.file(join(folder, file)).json()) as Profile;
rmSync(folder, { recursive: true });

const names = new Map(
  nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
    const place = url ? ` ${basename(url)}:${lineNumber + 1}` : "";
    return [id, `${functionName || "(anonymous)"}${place}`];
  }),
);
const counts = new Map<string, number>();
for (const id of samples) {
  const name = names.get(id) ?? "";
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
const top = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, flag("top", 25));
for (const [name, count] of top)
  console.log(`${((100 * count) / samples.length).toFixed(1).padStart(5)} %  ${name}`);
