/**
 * Loaded by bunfig.toml before the first test. It imports nothing of src/: mutation testing cannot change what is loaded
 * before its own preload.
 */
import { afterEach } from "bun:test";
import { endAll } from "./support/ending.js";
import { turn } from "./support/turn.js";

afterEach(async () => {
  await endAll();
  // onClose comes a turn after the close.
  await turn();
});
