/**
 * The example mx waits for the disk before its 250. A process that is killed does not show it, for the kernel still has
 * what was written: so strace tells when each file was synced.
 */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { readFileSync, realpathSync } from "node:fs";
import { Program } from "../support/program.js";
import { Client } from "./behind/client.js";
import { cleanUp, scratchFolder, testWith, TEST_TIMEOUT } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

/** What the program did with its files and its client, in order, each call as it returned. */
function callsOf(trace: string): string[] {
  const unfinished = new Map<string, string>();
  return trace.split("\n").flatMap((line) => {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1];
    if (begun !== undefined) {
      unfinished.set(thread, begun);
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const call = resumed === undefined ? rest : `${unfinished.get(thread)}${resumed}`;
    const [, sync, path, failed] = /^(f(?:data)?sync)\(\d+<([^>]*)>\) += (0)?/.exec(call) ?? [];
    if (sync) return [`${failed === "0" ? "synced" : "not synced"} ${path}`];
    const reply = /^(?:send|sendto|write)\(.*"(250 2\.6\.0 [^"\\]*)/.exec(call)?.[1];
    return reply ? [reply] : [];
  });
}

testWith("strace")(
  "what is answered 250 was synced before: the file, its folder, and the commit",
  async () => {
    const folder = realpathSync(scratchFolder());
    const env = { DATABASE: `${folder}/mx.sqlite` };
    const add = new Program("mx/main.ts", ["add", "b@mx.test"], { env });
    await add.exited;
    const output = `${folder}/trace`;
    const within = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,sendto,write", "-o", output];
    const mx = new Program("mx/main.ts", [], { env, within });
    using client = await Client.connect({ to: await mx.port() });
    await client.reply();
    await client.say("EHLO client.test");
    const envelope = { from: "a@client.test", to: ["b@mx.test"] };
    expect(await client.deliver({ ...envelope, data: "Subject: x\r\n\r\nsmall\r\n" })).toMatch(
      /Stored as 1$/,
    );
    expect(await client.deliver({ ...envelope, data: "large\r\n".repeat(20_000) })).toMatch(/Stored as 2$/);
    await client.say("QUIT");
    const child = readFileSync(`/proc/${mx.pid}/task/${mx.pid}/children`, "utf8");
    process.kill(Number(child), "SIGTERM");
    expect(await mx.exited).toBe(0);

    const calls = callsOf(readFileSync(output, "utf8")).map((call) =>
      call.replace(folder, "…").replace(/[-\w]+\.eml$/, "FILE"),
    );
    const first = calls.indexOf("250 2.6.0 Stored as 1");
    expect(calls[first - 1]).toBe("synced …/mx.sqlite-wal");
    expect(calls.slice(first, first + 5)).toEqual([
      "250 2.6.0 Stored as 1",
      "synced …/mx.sqlite-bodies/FILE",
      "synced …/mx.sqlite-bodies",
      "synced …/mx.sqlite-wal",
      "250 2.6.0 Stored as 2",
    ]);
  },
);
