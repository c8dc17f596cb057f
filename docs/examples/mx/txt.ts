/**
 * TXT records, over UDP and, where the answer is too long for that, over TCP. Bun's resolver (1.4.5) gives each string
 * of a record as if it were a record: of a DKIM key, which mostly has two, it would leave the first half.
 */
import { randomInt } from "node:crypto";
import { getServers } from "node:dns";
import { connect, isIP } from "node:net";
import { type Answer, decode, encode, RECURSION_DESIRED } from "dns-packet";

const MILLISECONDS = 3000;
const TRIES = 2;

/**
 * Gives the records of a name, each as its strings. Rejects where there are none, and where nothing answers.
 * @param server address, and port, of a DNS server; without, the first one of the system
 */
export async function resolveTXT(
  name: string,
  server: string = getServers()[0] ?? "127.0.0.1",
): Promise<string[][]> {
  const { hostname, port } = placeOf(server);
  const id = randomInt(65_536);
  const query = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: "TXT", name }],
    // What fits into a packet on every path (RFC 6891).
    additionals: [{ type: "OPT", name: ".", udpPayloadSize: 1232 }],
  });
  const isOurs = ({ id: itsId, questions: [question] }: Answer): boolean =>
    itsId === id && question?.name.toLowerCase() === name.toLowerCase();

  let answer: Answer | undefined;
  for (let left = TRIES; left > 0 && !answer; left--) answer = await overUDP(hostname, port, query, isOurs);
  if (answer?.flag_tc) answer = await overTCP(hostname, port, query);
  if (!answer || !isOurs(answer)) throw failure("ETIMEOUT", name);
  if (answer.rcode === "NXDOMAIN") throw failure("ENOTFOUND", name);
  if (answer.rcode !== "NOERROR") throw failure("ESERVFAIL", name);
  const records = answer.answers.filter(({ type }) => type === "TXT");
  if (records.length === 0) throw failure("ENODATA", name);
  return records.map(({ data }) => data.map(String));
}

function failure(code: string, name: string): Error {
  return Object.assign(new Error(`${code} ${name}`), { code });
}

/** `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]:53`. */
function placeOf(server: string): { hostname: string; port: number } {
  if (isIP(server)) return { hostname: server, port: 53 };
  const { hostname, port } = new URL(`dns://${server}`);
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 53) };
}

/** The answer, from a port of its own, which others cannot guess; undefined where none comes. */
async function overUDP(
  hostname: string,
  port: number,
  query: Buffer,
  isOurs: (answer: Answer) => boolean,
): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const socket = await Bun.udpSocket({
    connect: { hostname, port },
    socket: {
      data(_socket, data) {
        const answer = read(data);
        if (answer && isOurs(answer)) resolve(answer);
      },
      error: () => resolve(undefined),
    },
  });
  const timer = setTimeout(resolve, MILLISECONDS, undefined);
  socket.send(query);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** The same over TCP, where a length of two octets is in front (RFC 1035 section 4.2.2). */
async function overTCP(host: string, port: number, query: Buffer): Promise<Answer | undefined> {
  const socket = connect({ host, port });
  socket.setTimeout(MILLISECONDS, () => socket.destroy());
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  socket.write(Buffer.concat([length, query]));
  let received = Buffer.alloc(0);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0))
        return read(received.subarray(2));
    }
  } catch {
    // No answer.
  } finally {
    socket.destroy();
  }
  return undefined;
}

function read(data: Buffer): Answer | undefined {
  try {
    return decode(data);
  } catch {
    return undefined;
  }
}
