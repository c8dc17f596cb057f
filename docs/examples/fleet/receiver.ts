/**
 * The receiver of the fleet: takes mail, and answers 250 when the queue has it. It keeps nothing, so there can be
 * as many as you like, on as many machines, and any of them may die.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type DataStream, SMTPError, SMTPServer, type SMTPSession } from "bun-smtp";
import { certificate, fail, numberOf, orFail, usage } from "../start.js";
import type { Envelope } from "./envelope.js";
import { openBodies, STORE_HELP } from "./objects.js";
import { enqueue, NATS_HELP, NotQueued, openQueue } from "./queue.js";
import { isWorker, onDrain, report, supervise } from "./workers.js";

usage(`
Takes mail, and answers 250 when the queue has it.

  DOMAINS=example.com bun receiver.ts

Variables:
  DOMAINS    whose mail it takes, with commas between them
  RECIPIENTS a file with an address a line (without: every address of the domains)
  NAME       the host name in the greeting (that of this machine)
  PORT       of SMTP (2525)
  HEALTH     the port that says over HTTP whether to send it clients (8080)
  WORKERS    how many processes (one a core)
  TRUST      addresses that send a PROXY header, with commas (without: no header is expected)
  DRAIN      milliseconds between "no more clients" and the end (3000)
  CERT, KEY  PEM files for STARTTLS (without: each process makes its own certificate)
  INLINE     up to so many octets a message is in the stream itself (262144)
${NATS_HELP}
${STORE_HELP}
`);

const { env } = process;
const MIB = 1024 * 1024;
const MAX_MESSAGE = 25 * MIB;

const port = numberOf("PORT", 2525);
const domains = (env["DOMAINS"] ?? "").toLowerCase().split(",").filter(Boolean);
const [firstDomain] = domains;
if (firstDomain === undefined) fail("DOMAINS: which domains the mail is for is wanted, such as example.com");

async function work(firstDomain: string): Promise<void> {
  const name = env["NAME"] || hostname();
  /** With the envelope it must stay below the `max_payload` of the NATS servers, 1 MB. */
  const inline = numberOf("INLINE", 256 * 1024, 512 * 1024);
  const trusted = (env["TRUST"] ?? "").split(",").filter(Boolean);
  const tls = await orFail("CERT, KEY", certificate);
  const recipients = await orFail(`RECIPIENTS=${env["RECIPIENTS"]}`, readRecipients);

  const queue = await openQueue(`receiver ${name}`);
  const bodies = await openBodies(queue);

  const server = new SMTPServer({
    name,
    ...tls,
    authOptional: true,
    disabledCommands: ["AUTH"],
    hideENHANCEDSTATUSCODES: false,
    hideSMTPUTF8: false,
    hide8BITMIME: false,
    ...(trusted.length > 0 && { useProxy: trusted }),

    size: MAX_MESSAGE,
    rejectOversized: true,
    maxRecipients: 100,
    maxClients: 1000,
    maxErrors: 20,
    socketTimeout: 5 * 60_000,
    minDataRate: 100,

    // A bounce goes to a sender who is often forged: refuse here what cannot be delivered.
    async onRcptTo({ address }, _session) {
      const lower = address.toLowerCase();
      if (lower === "postmaster") return;
      const isOurs = domains.includes(lower.slice(lower.lastIndexOf("@") + 1));
      if (isOurs && (recipients?.has(lower) ?? true)) return;
      const [reason, enhancedCode] = isOurs ? ["No such recipient", "5.1.1"] : ["Relaying denied", "5.7.1"];
      throw new SMTPError(`${reason}: ${address}`, { responseCode: 550, enhancedCode });
    },

    async onData(stream, session) {
      const { mailFrom, rcptTo, smtpUtf8 } = session.envelope;
      const id = randomUUID();
      const envelope: Envelope = {
        id,
        mailFrom: mailFrom ? mailFrom.address : "",
        // RFC 5321 section 4.5.1: `postmaster` needs no domain.
        rcptTo: rcptTo.map(({ address }) => (address.includes("@") ? address : `${address}@${firstDomain}`)),
        head: received(session, name, id),
        isUTF8: smtpUtf8,
        tries: 0,
      };
      try {
        const message = await read(stream, inline);
        if (stream.sizeExceeded) return undefined;
        if (message.rest === undefined) await enqueue(queue, envelope, message.chunks);
        else await storeLarge(envelope, whole(message, stream));
        return `Queued as ${id}`;
      } catch (error) {
        // The server answers 552.
        if (stream.sizeExceeded) return undefined;
        // Of the server: the client has gone, or sent a bare LF.
        if (error instanceof SMTPError) throw error;
        console.error(`${id}: ${(error as Error).message}`);
        throw new SMTPError("Not stored, try again", { responseCode: 451, enhancedCode: "4.3.0" });
      }
    },
  });

  /** First the octets, then the message that names them: a message never waits for its octets. */
  async function storeLarge(envelope: Envelope, content: ReadableStream<Uint8Array>): Promise<void> {
    await bodies.put(envelope.id, content);
    try {
      await enqueue(queue, { ...envelope, object: envelope.id });
    } catch (error) {
      // Where the queue may have the message its object stays, and is removed after a month.
      if (error instanceof NotQueued && !error.isUncertain) await bodies.remove(envelope.id).catch(() => {});
      throw error;
    }
  }

  // A public port gets handshakes that fail all day.
  server.on("error", (error) => console.warn(error.message));
  await orFail(`PORT=${port}`, () => server.listen({ port, reusePort: true }));

  onDrain(async () => {
    await server.close();
    await queue.connection.drain();
  });
  report(true);
  for await (const { type } of queue.connection.status()) {
    if (type === "disconnect") report(false);
    if (type === "reconnect") report(true);
  }
}

/** A large message as a stream: what is at hand, and then the rest. It errors where the client does. */
function whole({ chunks, rest }: Large, stream: DataStream): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = chunks.shift() ?? (await rest.next()).value;
        // Without the error, the beginning of a message would become an object.
        if (stream.sizeExceeded) controller.error(new Error("The message is too large"));
        else if (next === undefined) controller.close();
        else controller.enqueue(next);
      },
    },
    { highWaterMark: 0 },
  );
}

/** A small message; of a large one the beginning, and what gives the rest. */
type Read = { chunks: Uint8Array[]; rest?: undefined } | Large;
interface Large {
  chunks: Uint8Array[];
  rest: AsyncIterator<Uint8Array>;
}

async function read(stream: DataStream, inline: number): Promise<Read> {
  const chunks: Uint8Array[] = [];
  const rest = stream[Symbol.asyncIterator]();
  for (let octets = 0; octets <= inline;) {
    const { done, value } = await rest.next();
    if (done) return { chunks };
    chunks.push(value);
    octets += value.byteLength;
  }
  return { chunks, rest };
}

async function readRecipients(): Promise<Set<string> | undefined> {
  const path = env["RECIPIENTS"];
  if (!path) return undefined;
  return new Set((await Bun.file(path).text()).toLowerCase().split(/\s+/).filter(Boolean));
}

/** The line that every server puts on top (RFC 5321 section 4.4). */
function received(session: SMTPSession, name: string, id: string): string {
  const { hostNameAppearsAs, clientHostname, remoteAddress, transmissionType } = session;
  // What a client calls itself may be anything.
  const client = String(hostNameAppearsAs).replace(/[^\w.:[\]-]/g, "?");
  const date = new Date().toUTCString().replace("GMT", "+0000");
  return (
    `Received: from ${client} (${clientHostname} [${remoteAddress}])\r\n` +
    `\tby ${name} with ${transmissionType} id ${id};\r\n\t${date}\r\n`
  );
}

if (isWorker) await work(firstDomain);
else await supervise({ port, health: numberOf("HEALTH", 8080), workers: numberOf("WORKERS", 0, 1000) });
