import type { Action, Answer, Body } from "./action.js";
import type { Client, Command, MessageInTransfer } from "./client.js";
import { Message, tooBig } from "./message.js";

/** Octets of a refused chunk that are read and dropped where no `size` option says more; a longer one closes. */
export const REFUSED_CHUNK_LIMIT: number = 1 << 20;

const SYNTAX: RegExp = /^(\d{1,20})(?:\s+(LAST))?$/i;

interface Chunk {
  readonly octets: number;
  readonly last: boolean;
}

/** `BDAT chunk-size [LAST]` (RFC 3030 2). */
function parse(args: string): Chunk | undefined {
  const match = SYNTAX.exec(args.trim());
  if (!match) return undefined;
  const octets = Number(match[1]);
  return octets > Number.MAX_SAFE_INTEGER ? undefined : { octets, last: match[2] !== undefined };
}

/** The octets of one chunk. They are not searched: end-of-data sequences are just bytes. */
class ChunkBody implements Body {
  readonly type = "body";
  readonly finish: () => Answer | Promise<Answer>;
  #left: number;
  readonly #message: MessageInTransfer | undefined;

  /** @param message takes the octets; without one they are dropped */
  constructor(octets: number, finish: () => Answer | Promise<Answer>, message?: MessageInTransfer) {
    this.#left = octets;
    this.finish = finish;
    this.#message = message;
  }

  get full(): boolean {
    return this.#message?.full ?? false;
  }

  read(chunk: Buffer): Buffer | undefined {
    const bytes = chunk.subarray(0, this.#left);
    this.#left -= bytes.length;
    this.#message?.push(bytes);
    return this.#left === 0 ? chunk.subarray(bytes.length) : undefined;
  }
}

/** Closes, because it is unknown where the next command begins. */
const MALFORMED: Action = { code: 501, text: "Error: syntax: BDAT size [LAST]", next: "closing" };

/** The refusal after the octets of the chunk, which are on their way already (RFC 3030 2); too many of them close. */
function afterOctets(client: Client, { octets }: Chunk, refusal: Action): Answer {
  const limit = Number.isFinite(client.settings.size) ? client.settings.size : REFUSED_CHUNK_LIMIT;
  if (octets > limit) return { ...refusal, next: "closing" };
  return octets === 0 ? refusal : new ChunkBody(octets, () => refusal);
}

/**
 * BDAT (RFC 3030): the chunk goes into the stream that onData got at the first chunk, with the same
 * limits and replies as DATA. A refused chunk is read to its end all the same.
 */
export const BDAT: Command = {
  afterHello: true,
  afterAuth: true,
  refuse(client, args, refusal) {
    const chunk = parse(args);
    return chunk ? afterOctets(client, chunk, refusal) : MALFORMED;
  },
  run(client, args) {
    const chunk = parse(args);
    if (!chunk) return MALFORMED;
    const { envelope } = client.session;
    if (envelope.rcptTo.length === 0) {
      const text = envelope.mailFrom ? "Error: need RCPT command" : "Error: need MAIL command";
      return afterOctets(client, chunk, { code: 503, text });
    }
    client.message ??= new Message(client);
    return client.message.chunksRefused
      ? skipped(client, client.message, chunk, { code: 503, text: "Error: message refused, send RSET" })
      : receive(client, client.message, chunk);
  },
};

/**
 * Drops a chunk of a message that is refused; the last one ends the transaction. An honest client is not far over
 * `size`, so a chunk longer than that and {@link REFUSED_CHUNK_LIMIT} closes: no reply could come before its end.
 */
function skipped(client: Client, message: MessageInTransfer, chunk: Chunk, refusal: Action): Answer {
  const { size } = client.settings;
  const limit = Number.isFinite(size) ? Math.max(size, REFUSED_CHUNK_LIMIT) : REFUSED_CHUNK_LIMIT;
  if (chunk.octets > limit) return { ...refusal, next: "closing" };
  const finish = (): Answer => (chunk.last ? message.endTransaction(refusal) : refusal);
  return chunk.octets === 0 ? finish() : new ChunkBody(chunk.octets, finish);
}

function receive(client: Client, message: MessageInTransfer, chunk: Chunk): Answer | Promise<Answer> {
  const { settings } = client;
  if (message.byteLength + chunk.octets > settings.size && !settings.raw.hideSize) {
    const refusal = tooBig(settings.size);
    message.refuseChunks(refusal);
    return skipped(client, message, chunk, refusal);
  }
  const finish = (): Answer | Promise<Answer> => {
    if (!chunk.last) return message.chunkReply(chunk.octets);
    message.end();
    return message.replies();
  };
  if (chunk.octets === 0) return finish();
  return new ChunkBody(chunk.octets, finish, message);
}
