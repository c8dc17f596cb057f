import type { Action, Answer, Body } from "./action.js";
import type { Client, Command, MessageInTransfer } from "./client.js";
import { Message, tooBig } from "./message.js";

/** Octets of a refused chunk that are read and dropped, unless the option `size` allows more. A longer chunk closes. */
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

/** Reads the octets of one chunk. It only counts them, because CRLF . CRLF does not end a chunk (RFC 3030 2). */
class ChunkBody implements Body {
  readonly type = "body";
  readonly finish: () => Answer | Promise<Answer>;
  #left: number;
  readonly #message: MessageInTransfer | undefined;

  /** @param message receives the octets; without it they are dropped */
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

/** Closes, because the length of the chunk is unknown, and so the start of the next command. */
const MALFORMED: Action = { code: 501, text: "Error: syntax: BDAT size [LAST]", next: "closing" };

/** Sends a refusal after reading the octets of the chunk, which the client sends in any case (RFC 3030 2). Too many close. */
function afterOctets(client: Client, { octets }: Chunk, refusal: Action): Answer {
  const limit = Number.isFinite(client.settings.size) ? client.settings.size : REFUSED_CHUNK_LIMIT;
  if (octets > limit) return { ...refusal, next: "closing" };
  return octets === 0 ? refusal : new ChunkBody(octets, () => refusal);
}

/**
 * BDAT (RFC 3030). onData is called at the first chunk, and its stream gets the octets of all chunks. Limits and replies are
 * those of DATA. A refused chunk is still read to its end.
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
    const message = client.message ?? new Message(client);
    return message.chunksRefused
      ? skipped(client, message, chunk, { code: 503, text: "Error: message refused, send RSET" })
      : receive(client, message, chunk);
  },
};

/**
 * Drops a chunk of a refused message; the last chunk ends the transaction. A chunk longer than both `size` and
 * {@link REFUSED_CHUNK_LIMIT} closes the connection, because the client gets no reply before its end.
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
