/** A whole fleet on one machine, for a look: three NATS servers, HAProxy, two receivers, a deliverer, mailboxes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, numberOf, orFail, usage } from "../start.js";
import { Fleet, missing } from "./machines.js";

usage(`
Starts a fleet on this machine, in a temporary folder. Ctrl-C ends it.

  bun up.ts

Variables:
  PORT     the port of HAProxy (2525)

It needs nats-server and haproxy (Debian: apt-get install nats-server haproxy), and the NATS client (bun install
in this folder).
`);

const lacks = missing();
if (lacks.length > 0) fail(lacks.join("\n"));

const folder = mkdtempSync(join(tmpdir(), "fleet-"));
const fleet = new Fleet({ folder, port: numberOf("PORT", 2525), mailboxes: ["you", "me"] });

async function end(code: number): Promise<never> {
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end(0));

console.log(`Starting three NATS servers, HAProxy, two receivers, a deliverer, in ${folder}`);
await orFail("The fleet", async () => {
  try {
    await fleet.start();
  } catch (error) {
    await fleet[Symbol.asyncDispose]();
    throw error;
  }
});
const { port, mail, nats, receivers, deliverers } = fleet;
const leader = await fleet.leader();
const pids = [...nats, ...receivers, ...deliverers].map((machine) => `${machine.name} ${machine.pid}`);

console.log(`
It runs: ${pids.join(", ")}

1. Send a message, and look at it:
     swaks --server 127.0.0.1:${port} --from me@example.com --to you@example.com
     cat ${mail}/you/new/*
2. Kill the NATS server that leads the queue, and send the next one:
     kill -9 ${leader?.pid}
     swaks --server 127.0.0.1:${port} --from me@example.com --to you@example.com
3. Write to a mailbox that is not there, and look at the bounce:
     swaks --server 127.0.0.1:${port} --from me@example.com --to him@example.com
     cat ${mail}/me/new/*

The logs are in ${folder}/log. Ctrl-C ends everything, and removes the folder.`);
