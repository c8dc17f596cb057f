import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { memoryWire, play } from "./player.js";
import { parseTranscript, type Transcript } from "./transcript.js";

/** All transcripts of this folder, in the order of their names. */
export const TRANSCRIPTS: readonly Transcript[] = [...new Glob("**/*.smtp").scanSync(import.meta.dir)]
  .sort()
  .map((file) => parseTranscript(file, readFileSync(`${import.meta.dir}/${file}`, "utf8")));

/** Plays a transcript without a socket. */
export function playInMemory(transcript: Transcript): Promise<void> {
  return play(transcript, (server) => memoryWire(server, transcript.from));
}
