import { Glob } from "bun";
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { overTLS } from "./over-tls.js";
import { memoryWire, play } from "./player.js";
import { socketWire } from "./socket-wire.js";
import { cutPackets, parseTranscript, type Transcript } from "./transcript.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

/** Longer packets are cut at as many places, spread evenly: a transcript of 100 kB is not played 100 000 times. */
const MOST_CUTS = 120;

const files = [...new Glob("**/*.smtp").scanSync(import.meta.dir)].sort();

const inMemory = (transcript: Transcript): Promise<void> =>
  play(transcript, (server) => memoryWire(server, transcript.from));

/** Each packet in turn cut in two, at every offset. */
function* everySplit(transcript: Transcript): Generator<Transcript> {
  const packets = transcript.steps.filter((step) => step.type === "send").map((step) => step.bytes);
  for (const [packet, bytes] of packets.entries()) {
    const step = Math.max(1, Math.ceil(bytes.length / MOST_CUTS));
    for (let at = 1; at < bytes.length; at += step) {
      yield cutPackets(transcript, (whole, index) =>
        index === packet ? [whole.subarray(0, at), whole.subarray(at)] : [whole],
      );
    }
  }
}

test("there are transcripts", () => expect(files.length).toBeGreaterThan(50));

for (const file of files) {
  const transcript = parseTranscript(file, readFileSync(`${import.meta.dir}/${file}`, "utf8"));
  test(`${file}, as written`, () => inMemory(transcript));
  test(`${file}, byte by byte`, () =>
    inMemory(cutPackets(transcript, (bytes) => Array.from(bytes, (byte) => Buffer.of(byte)))));
  test(`${file}, at every split`, async () => {
    for (const cut of everySplit(transcript)) await inMemory(cut);
  });
  // A real socket has an address of its own.
  if (transcript.from !== undefined) continue;
  test(`${file}, over a socket`, () => play(transcript, socketWire));
  const encrypted = overTLS(transcript);
  if (encrypted) test(`${file}, over TLS`, () => play(encrypted, socketWire));
}
