/**
 * The deliverer of the fleet: takes messages from the queue and hands them over to an LMTP server. At least once: a
 * message leaves the queue when each recipient has its answer, and one whose deliverer dies goes to another.
 */
import { hostname } from "node:os";
import type { JsMsg } from "@nats-io/jetstream";
import { numberOf, usage } from "../start.js";
import { bounce, type Failure } from "./bounce.js";
import { Disconnected, MailClient, type Reply } from "./client.js";
import { decode, type Envelope } from "./envelope.js";
import { openBodies, STORE_HELP } from "./objects.js";
import { bury, changeServer, enqueue, NATS_HELP, openQueue, puller } from "./queue.js";

usage(`
Hands the messages of the queue over to an LMTP server.

  LMTP=127.0.0.1:24 bun deliver.ts

Variables:
  LMTP       the server: host:port, or the path of a unix socket (lmtp.sock)
  RELAY      an SMTP server that sends bounces to their senders (without: the LMTP server gets them)
  NAME       the host name to say (that of this machine)
  LANES      how many messages at once (16)
  TRIES      a recipient is given up after so many (120, which is four days and a half)
  BACK_OFF   milliseconds before the second try, then twice as many, up to an hour (5000)
${NATS_HELP}
${STORE_HELP}
`);

const { env } = process;
const lmtp = env["LMTP"] || "lmtp.sock";
const relay = env["RELAY"];
const name = env["NAME"] || hostname();
const lanes = numberOf("LANES", 16, 1000);
const maxTries = numberOf("TRIES", 120, 10_000);
const firstBackOff = numberOf("BACK_OFF", 5000, 3_600_000);
const maxBackOff = 60 * 60_000;
/** A message whose octets cannot be read is not given up before this age, however often that was tried. */
const unreadableFor = 5 * 24 * 60 * 60_000;
/** Some signs of life before ACK_WAIT is over. */
const signOfLife = (numberOf("ACK_WAIT", 30) * 1000) / 3;
/** Messages that are done are remembered, as their acknowledgement may have been lost. */
const MAX_DONE = 100_000;
/** Octets of a message that a bounce is made from. */
const BEGINNING = 64 * 1024;

const queue = await openQueue(`deliverer ${name}`);
const bodies = await openBodies(queue);
const pull = await puller(queue);
const done = new Set<string>();
let isStopping = false;

/** One message after the other, over one connection. */
async function lane(): Promise<void> {
  using connections = new Connections();
  while (!isStopping) {
    try {
      const message = await pull();
      if (message) await handle(message, connections);
    } catch (error) {
      // The stream has no leader, NATS is away: what was not acknowledged comes again.
      if (!isStopping) console.error((error as Error).message);
      await changeServer(queue);
      await Bun.sleep(1000);
    }
  }
}

/** The connections of a lane, made when they are needed. */
class Connections implements Disposable {
  #lmtp: MailClient | undefined;
  #relay: MailClient | undefined;

  async get(isForRelay: boolean): Promise<MailClient> {
    if (isForRelay && relay !== undefined) {
      if (!this.#relay?.isOpen) this.#relay = await MailClient.open(relay, name, "smtp");
      return this.#relay;
    }
    if (!this.#lmtp?.isOpen) this.#lmtp = await MailClient.open(lmtp, name, "lmtp");
    return this.#lmtp;
  }

  [Symbol.dispose](): void {
    this.#lmtp?.[Symbol.dispose]();
    this.#relay?.[Symbol.dispose]();
  }
}

async function handle(message: JsMsg, connections: Connections): Promise<void> {
  const { envelope, body } = decode(message.data);
  const alive = setInterval(() => message.working(), signOfLife);
  try {
    if (!done.has(envelope.id)) {
      const tries = envelope.tries + message.info.deliveryCount;
      const replies = await attempt(envelope, body, connections, ageOf(message));
      const isLater = replies === undefined || (await settle(envelope, body, replies, tries));
      if (isLater) {
        message.nak(Math.min(firstBackOff * 2 ** Math.min(tries - 1, 30), maxBackOff));
        return;
      }
      remember(envelope.id);
    }
    // It resolves when the queue has forgotten the message. Until then its object is needed.
    await message.ackAck({ timeout: 5000 });
    if (envelope.object === envelope.id) await bodies.remove(envelope.id).catch(() => {});
  } finally {
    clearInterval(alive);
  }
}

/** Milliseconds since a message came into the queue. */
function ageOf({ info }: JsMsg): number {
  return Date.now() - info.timestampNanos / 1e6;
}

/**
 * A reply for each recipient; where there is none, 451 stands for it.
 * @returns nothing where the octets cannot be read now: an object store between two leaders says nothing about a
 * recipient
 */
async function attempt(
  envelope: Envelope,
  body: Uint8Array,
  connections: Connections,
  age: number,
): Promise<Reply[] | undefined> {
  try {
    const client = await connections.get(envelope.isBounce === true);
    const content = octetsOf(envelope, body);
    return await client.deliver({ ...envelope, content });
  } catch (error) {
    const text = `451 4.4.0 ${(error as Error).message}`;
    console.error(`${envelope.id}: ${text}`);
    const isUnreadable = !(error instanceof Disconnected);
    if (isUnreadable && age < unreadableFor) return undefined;
    return envelope.rcptTo.map(() => ({ code: 451, text }));
  }
}

async function* octetsOf({ head, object }: Envelope, body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(head);
  if (object === undefined) yield body;
  else yield* bodies.get(object);
}

/**
 * Does what the replies ask for. 2xx: nothing. 5xx, or the last try: a bounce to the sender. 4xx: again, later.
 * @returns whether the message is to come again as it is
 */
async function settle(
  envelope: Envelope,
  body: Uint8Array,
  replies: readonly Reply[],
  tries: number,
): Promise<boolean> {
  const failures: Failure[] = [];
  const later: string[] = [];
  for (const [at, address] of envelope.rcptTo.entries()) {
    const reply = replies[at] ?? { code: 451, text: "451 No reply" };
    if (reply.code < 300) continue;
    if (reply.code < 500 && tries < maxTries) later.push(address);
    else failures.push({ address, reply });
  }
  // Each of these ids is made of the one of the message: where this deliverer dies before the acknowledgement, the
  // next one does the same again, and the stream knows it.
  if (failures.length > 0) await giveUp(envelope, body, failures);
  if (later.length === 0) return false;
  if (later.length === envelope.rcptTo.length) return true;
  // The others have their answer, and are not to get the message twice.
  await enqueue(queue, { ...envelope, id: `${envelope.id}.rest`, rcptTo: later, tries }, [body]);
  return false;
}

async function giveUp(envelope: Envelope, body: Uint8Array, failures: readonly Failure[]): Promise<void> {
  const rcptTo = failures.map(({ address }) => address);
  const reasons = failures.map(({ reply }) => reply.text);
  console.error(`${envelope.id}: given up for ${rcptTo.join(" ")}: ${reasons[0]}`);
  await bury(queue, { ...envelope, rcptTo }, reasons, body);
  if (envelope.mailFrom === "") return;
  const report = bounce(envelope, failures, name, await beginningOf(envelope, body));
  await enqueue(queue, report.envelope, [report.body]);
}

async function beginningOf(envelope: Envelope, body: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let octets = 0;
  try {
    for await (const piece of octetsOf({ ...envelope, head: "" }, body)) {
      pieces.push(piece);
      octets += piece.byteLength;
      if (octets >= BEGINNING) break;
    }
  } catch {
    // A bounce without the header is better than none.
  }
  return Buffer.concat(pieces).subarray(0, BEGINNING);
}

function remember(id: string): void {
  done.add(id);
  if (done.size <= MAX_DONE) return;
  for (const oldest of done) {
    done.delete(oldest);
    break;
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (isStopping = true));
console.log(`Delivering to ${lmtp}`);
await Promise.all(Array.from({ length: lanes }, lane));
await queue.connection.drain();
process.exit(0);
