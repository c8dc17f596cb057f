/** The queue of the fleet: a work-queue stream of NATS JetStream, and what its messages look like. */
import {
  AckPolicy,
  DiscardPolicy,
  type JetStreamClient,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type JsMsg,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { connect as connectTo, errors, type NatsConnection, nanos } from "@nats-io/transport-node";
import { fail, numberOf } from "../start.js";
import { type Envelope, encode } from "./envelope.js";

const { env } = process;
const DAY = 24 * 60 * 60_000;
const SECOND = 1000;

const STREAM = "MAIL";
const SUBJECT = "mail.queue";
const DEAD_STREAM = "MAIL_DEAD";
const DEAD_SUBJECT = "mail.dead";
const CONSUMER = "deliver";

/** What a program waits for each part of NATS when it starts. */
const FIRST_CONNECT = 30 * SECOND;
/** What it waits for one acknowledgement. */
const ACK_TIMEOUT = 5 * SECOND;
/** What it tries for to get a message stored: longer than the stream needs to choose a new leader. */
const PUBLISH_FOR = 30 * SECOND;

/** A connection to NATS, and the queue behind it. */
export interface Queue {
  connection: NatsConnection;
  client: JetStreamClient;
  manager: JetStreamManager;
}

/** The part of `--help` that is about NATS. */
export const NATS_HELP = `
  NATS       its servers (127.0.0.1:4222), with commas between them
  NATS_USER, NATS_PASSWORD, NATS_CA   login, and the PEM file of the authority (without: no login, no TLS)
  REPLICAS   on how many of them a message is (3)
  ACK_WAIT   seconds without a sign of life until another deliverer gets the message (30)`;

/** Connects, and makes the streams where they are missing. What fails ends the program with one line. */
export async function openQueue(name: string): Promise<Queue> {
  const servers = (env["NATS"] || "127.0.0.1:4222").split(",");
  const { NATS_USER: user, NATS_PASSWORD: pass, NATS_CA: caFile } = env;
  return await ready(`NATS=${servers}`, async () => {
    const connection = await connectTo({
      name,
      servers,
      ...(user && pass ? { user, pass } : {}),
      ...(caFile ? { tls: { caFile } } : {}),
      timeout: 5 * SECOND,
      // Forever: a receiver answers 451 meanwhile, and its health check says so.
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      // A server that is cut off, with no connection reset, is left after two of them.
      pingInterval: 3 * SECOND,
      maxPingOut: 2,
    });
    try {
      const manager = await jetstreamManager(connection);
      const client = jetstream(connection);
      await makeStreams(manager);
      return { connection, client, manager };
    } catch (error) {
      await connection.close();
      throw error;
    }
  });
}

/**
 * Opens something of NATS at the start of a program, and tries again where that fails: a cluster that has just started,
 * or has just lost a server, has no leader yet.
 * @param what the setting that the line of a program which gives up begins with
 */
export async function ready<T>(what: string, open: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + FIRST_CONNECT;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (Date.now() > deadline) fail(`${what}: ${(error as Error).message}`);
      await Bun.sleep(500);
    }
  }
}

async function makeStreams(manager: JetStreamManager): Promise<void> {
  const num_replicas = numberOf("REPLICAS", 3, 5);
  await ensure(
    () => manager.streams.info(STREAM),
    () =>
      manager.streams.add({
        name: STREAM,
        subjects: [SUBJECT],
        // A message stays until a deliverer has acknowledged it, however long that is.
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.File,
        num_replicas,
        // A full queue refuses the next message; the default would delete the oldest.
        discard: DiscardPolicy.New,
        // How long `Nats-Msg-Id` is remembered: a multiple of what a receiver tries for.
        duplicate_window: nanos(4 * PUBLISH_FOR),
      }),
  );
  await ensure(
    () => manager.streams.info(DEAD_STREAM),
    () =>
      manager.streams.add({
        name: DEAD_STREAM,
        subjects: [DEAD_SUBJECT],
        storage: StorageType.File,
        num_replicas,
        max_age: nanos(14 * DAY),
      }),
  );
  await ensure(
    () => manager.consumers.info(STREAM, CONSUMER),
    () =>
      manager.consumers.add(STREAM, {
        durable_name: CONSUMER,
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(numberOf("ACK_WAIT", 30) * SECOND),
        // The deliverer counts: JetStream would keep the message and never say so.
        max_deliver: -1,
        // A message that waits for its next try counts: with too few, those that wait stop the others.
        max_ack_pending: 100_000,
      }),
  );
}

/** What is there stays as it is, so that `nats stream edit` has the last word. */
async function ensure(find: () => Promise<unknown>, make: () => Promise<unknown>): Promise<void> {
  try {
    await find();
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error;
    // Another program that starts now may be first. To make the same twice is no error.
    await make();
  }
}

/** Gives a function that takes the next message, or null where none comes within two seconds. */
export async function puller({ client }: Queue): Promise<() => Promise<JsMsg | null>> {
  const consumer = await client.consumers.get(STREAM, CONSUMER);
  return () => consumer.next({ expires: 2 * SECOND });
}

const lastChange = new WeakMap<NatsConnection, number>();

/**
 * Goes to another server. One that is cut off from the others, and not from here, acknowledges nothing, and the
 * connection to it looks well.
 */
export async function changeServer({ connection }: Queue): Promise<void> {
  if (Date.now() - (lastChange.get(connection) ?? 0) < 2 * ACK_TIMEOUT) return;
  lastChange.set(connection, Date.now());
  await connection.reconnect().catch(() => {});
}

/** Why a message is not in the queue. */
export class NotQueued extends Error {
  override readonly name = "NotQueued";
  /** The acknowledgement of an attempt is missing: the message may be there for all that. */
  readonly isUncertain: boolean;

  constructor(cause: unknown, isUncertain: boolean) {
    super((cause as Error).message, { cause });
    this.isUncertain = isUncertain;
  }
}

/**
 * Stores a message. When the promise resolves, a quorum of the stream's replicas has it; else it rejects with
 * `NotQueued`. Each attempt has the same id, by which the stream knows a message that it has already.
 */
export async function enqueue(
  queue: Queue,
  envelope: Envelope,
  body: readonly Uint8Array[] = [],
): Promise<void> {
  await publish(queue, SUBJECT, envelope.id, encode(envelope, body));
}

/** Keeps a message that is given up, with the reasons, for an operator to look at. */
export async function bury(
  queue: Queue,
  envelope: Envelope,
  reasons: readonly string[],
  body: Uint8Array,
): Promise<void> {
  const id = `${envelope.id}.dead`;
  await publish(queue, DEAD_SUBJECT, id, encode({ ...envelope, id, reasons } as Envelope, [body]));
}

async function publish(queue: Queue, subject: string, msgID: string, payload: Uint8Array): Promise<void> {
  const deadline = Date.now() + PUBLISH_FOR;
  let isUncertain = false;
  for (let wait = 100; ; wait = Math.min(2 * wait, 2 * SECOND)) {
    try {
      const { seq } = await queue.client.publish(subject, payload, { msgID, timeout: ACK_TIMEOUT });
      if (seq > 0) return;
      // "A duplicate", of a message that is not in the stream: after an election NATS before 2.11 may remember the id
      // of one that the old leader never stored (nats-server pull request 6486). With another id it is stored.
      console.error(`${msgID}: acknowledged, and not stored`);
      msgID += ".again";
      isUncertain = true;
    } catch (error) {
      // Only an answer of the stream says for certain that it has not stored the message.
      const isAnswer = error instanceof JetStreamApiError;
      isUncertain ||= !isAnswer;
      const mayPass = !isAnswer || error.status >= 500;
      if (!mayPass || Date.now() + wait > deadline) throw new NotQueued(error, isUncertain);
      if (error instanceof errors.TimeoutError) await changeServer(queue);
      await Bun.sleep(wait);
    }
  }
}
