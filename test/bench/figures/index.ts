/** All figures, in the order of the table. */
import type { Figure } from "../figure.js";
import { durables } from "./durable.js";
import { fresh } from "./fresh.js";
import { streams } from "./streams.js";
import { idle } from "./idle.js";
import { kept } from "./kept.js";
import { large } from "./large.js";
import { recipients } from "./recipients.js";
import { reconnect } from "./reconnect.js";
import { tls } from "./tls.js";

export const figures: readonly Figure[] = [
  ...kept,
  ...fresh,
  ...reconnect,
  ...large,
  ...streams,
  ...recipients,
  ...tls,
  ...idle,
  ...durables,
];
