/** Each transcript over a socket, in plaintext and over TLS. */
import { setDefaultTimeout, test } from "bun:test";
import { TRANSCRIPTS } from "./all.js";
import { overTLS } from "./over-tls.js";
import { play } from "./player.js";
import { socketWire } from "./socket-wire.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

for (const transcript of TRANSCRIPTS) {
  // A real socket has an address of its own.
  if (transcript.from !== undefined) continue;
  test(`${transcript.name}, over a socket`, () => play(transcript, socketWire));
  const encrypted = overTLS(transcript);
  if (encrypted) test(`${transcript.name}, over TLS`, () => play(encrypted, socketWire));
}
