/** Each transcript in packets that are cut at any octet. */
import { setDefaultTimeout, test } from "bun:test";
import { playInMemory, TRANSCRIPTS } from "./all.js";
import { cutPackets, type Transcript } from "./transcript.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

/** Longer packets are cut at as many places, spread evenly: a transcript of 100 kB is not played 100 000 times. */
const MOST_CUTS = 120;

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

for (const transcript of TRANSCRIPTS) {
  test(`${transcript.name}, byte by byte`, () =>
    playInMemory(cutPackets(transcript, (bytes) => Array.from(bytes, (byte) => Buffer.of(byte)))));
  test(`${transcript.name}, at every split`, async () => {
    for (const cut of everySplit(transcript)) await playInMemory(cut);
  });
}
