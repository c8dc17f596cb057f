/** The loads: Postfix's smtp-source for what it can do, else our own generator. */
import { pinned, postfix, start, type Server } from "./harness.js";

/** A number of messages that are sent as fast as the server takes them. Each must be accepted. */
export interface Load {
  /** Sessions without a message where `length` is 0. */
  messages: number;
  /** Octets of each. */
  length: number;
  /** At a time. */
  clients: number;
  /** 1 where not said. */
  recipients?: number;
  lmtp?: boolean;
  /** A connection for each message. */
  reconnect?: boolean;
  /** MAIL, RCPT and DATA in one write. */
  pipelined?: boolean;
  tls?: "starttls" | "implicit";
  /** Each line starts with a dot. */
  dots?: boolean;
  /** Our generator even where smtp-source could: what is compared must have had the same load. */
  own?: boolean;
}

/** What a load cost. */
export interface Cost {
  seconds: number;
  /** CPU seconds of the server. */
  cpu: number;
}

export function canUseSource(load: Load): boolean {
  const { pipelined, tls, dots, own, length } = load;
  return postfix("smtp-source") !== undefined && !pipelined && !tls && !dots && !own && length > 0;
}

export async function send(server: Server, load: Load): Promise<Cost> {
  const cpu = server.cpu();
  const seconds = canUseSource(load) ? await source(server, load) : await generate(server, load);
  return { seconds, cpu: server.cpu() - cpu };
}

async function source(server: Server, load: Load): Promise<number> {
  const { messages, length, clients, recipients = 1, lmtp, reconnect } = load;
  const numbers = ["-s", clients, "-m", messages, "-l", length, "-r", recipients].map(String);
  const flags = [...numbers, ...(lmtp ? ["-L"] : []), ...(reconnect ? [] : ["-d"])];
  const since = performance.now();
  const program = pinned("load", [postfix("smtp-source") ?? "", ...flags, `127.0.0.1:${server.port}`]);
  const child = Bun.spawn(program, { stdout: "ignore", stderr: "pipe" });
  if ((await child.exited) !== 0)
    throw new Error(`smtp-source to ${server.name}: ${await new Response(child.stderr).text()}`);
  return (performance.now() - since) / 1000;
}

/** It stays, so that only its first load is sent by code that is not compiled yet. */
let generator: Promise<Server> | undefined;

async function generate(server: Server, load: Load): Promise<number> {
  generator ??= start("generator", [process.execPath, "generator.ts"], {}, "load");
  const answer = await (
    await generator
  ).ask<{ seconds: number; error?: string }>(JSON.stringify({ ...load, port: server.port }));
  if (answer.error) throw new Error(`generator to ${server.name}: ${answer.error}`);
  return answer.seconds;
}

export async function stopLoad(): Promise<void> {
  await (await generator)?.stop();
  generator = undefined;
}
