/** The thread that waits for the disk, so that the other one can serve clients meanwhile. */
import { parentPort, workerData } from "node:worker_threads";
import { committer, type Message, open } from "./database.js";

const db = open(workerData as string);
const store = committer(db);

parentPort?.on("message", (group: readonly Message[] | "close") => {
  if (group !== "close") return parentPort?.postMessage(store(group));
  db.close();
  parentPort?.close();
});
