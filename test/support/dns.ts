/** A DNS server of a test's own, on loopback. */
import { createSocket } from "node:dgram";
import { type AddressInfo, createServer } from "node:net";
import { endAfterTest } from "./ending.js";

/** The records that there are, by `TXT name` or `A name`, and by neither for a name that fails. */
export type Zone = Record<string, readonly string[] | "SERVFAIL">;

const TYPES: Readonly<Record<number, string>> = { 1: "A", 5: "CNAME", 15: "MX", 16: "TXT", 28: "AAAA" };
const [SERVFAIL, NXDOMAIN] = [2, 3];

/** What the server was asked, and where it is. */
export interface DNSServer {
  /** For the variable DNS of an example. */
  readonly address: string;
  readonly asked: string[];
}

/** A resolver's own bound for a packet (RFC 6891); what is longer is to be asked over TCP. */
const MAX_PACKET = 1232;

/** Starts one that answers from a zone, which may change. It is closed after the test. */
export async function startDNS(zone: Zone): Promise<DNSServer> {
  const asked: string[] = [];
  const answer = (query: Buffer, max: number, way: string): Buffer => {
    const { question, end } = readQuestion(query);
    asked.push(`${question}${way}`);
    const records = zone[question];
    const answers = typeof records === "object" ? records : [];
    const code = records === "SERVFAIL" ? SERVFAIL : records === undefined ? NXDOMAIN : 0;
    // RFC 1035 section 4.1.1: the id, a response, recursion available, the counts of questions and answers.
    const header = Buffer.from([0, 0, 0x81, 0x80 | code, 0, 1, 0, answers.length, 0, 0, 0, 0]);
    query.copy(header, 0, 0, 2);
    const data = answers.map((record) => encode(question, record));
    const reply = Buffer.concat([header, query.subarray(12, end), ...data]);
    if (reply.length <= max) return reply;
    header.set([0x83, 0x80, 0, 1, 0, 0], 2);
    return Buffer.concat([header, query.subarray(12, end)]);
  };

  const tcp = createServer((socket) => {
    socket.on("data", (query: Buffer) => {
      const reply = answer(query.subarray(2), 65_535, " over TCP");
      // In two pieces, as it may come.
      socket.write(Buffer.from([reply.length >> 8, reply.length & 255, ...reply.subarray(0, 5)]));
      setImmediate(() => socket.end(reply.subarray(5)));
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket("udp4");
  udp.on("message", (query, from) => udp.send(answer(query, MAX_PACKET, ""), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
  endAfterTest(() => {
    udp.close();
    tcp.close();
  });
  return { address: `127.0.0.1:${port}`, asked };
}

function readQuestion(query: Buffer): { question: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length; (length = query[at] ?? 0) > 0; at += length + 1)
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
  const type = TYPES[query.readUInt16BE(at + 1)] ?? "?";
  return { question: `${type} ${labels.join(".").toLowerCase()}`, end: at + 5 };
}

/** A record of the name in the question, to be kept for no time. */
function encode(question: string, answer: string): Buffer {
  const isText = question.startsWith("TXT ");
  const data = isText ? texts(answer) : Buffer.from(answer.split(".").map(Number));
  const head = Buffer.from([
    0xc0,
    12,
    0,
    isText ? 16 : 1,
    0,
    1,
    0,
    0,
    0,
    0,
    data.length >> 8,
    data.length & 255,
  ]);
  return Buffer.concat([head, data]);
}

/** Text is in strings of 255 octets at most. */
function texts(text: string): Buffer {
  const strings = text.match(/[^]{1,255}/g) ?? [""];
  return Buffer.concat(strings.flatMap((part) => [Buffer.from([part.length]), Buffer.from(part, "latin1")]));
}
