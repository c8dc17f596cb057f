/** Each transcript as it is written. The other files play it in other packets, and over sockets. */
import { expect, test } from "bun:test";
import { playInMemory, TRANSCRIPTS } from "./all.js";

test("there are transcripts", () => expect(TRANSCRIPTS.length).toBeGreaterThan(50));

for (const transcript of TRANSCRIPTS) test(transcript.name, () => playInMemory(transcript));
