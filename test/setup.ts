/** Loaded by bunfig.toml before the first test. */
import { afterEach } from "bun:test";
import { endAll } from "./support/ending.js";
import { turn } from "./support/deliveries.js";

afterEach(async () => {
  await endAll();
  // onClose comes a turn after the close.
  await turn();
});
