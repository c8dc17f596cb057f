/** Where large messages are: in the object store of JetStream, or in S3. */
import { type MsgRequest, StorageType } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { nanos } from "@nats-io/transport-node";
import { fail, numberOf } from "../start.js";
import { type Bodies, s3 } from "./bodies.js";
import { type Queue, ready } from "./queue.js";

const { env } = process;
const DAY = 24 * 60 * 60_000;
/** Objects that nothing took away are removed after this time. No message waits or is looked at for so long. */
const KEEP = 30 * DAY;
const BUCKET = "mail";

/** The part of `--help` that is about the store. */
export const STORE_HELP = `
  STORE      stream: large messages in JetStream's object store (the default); s3: in S3
  S3_BUCKET, S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY   for STORE=s3`;

/** The store that the environment names. */
export async function openBodies(queue: Queue): Promise<Bodies> {
  const store = env["STORE"] || "stream";
  if (store === "s3") return s3();
  if (store === "stream") return await ready("STORE=stream", () => objects(queue));
  return fail(`STORE=${store}: stream or s3 is wanted`);
}

async function objects({ client, manager }: Queue): Promise<Bodies> {
  const store = await new Objm(client).create(BUCKET, {
    storage: StorageType.File,
    replicas: numberOf("REPLICAS", 3, 5),
    ttl: nanos(KEEP),
  });
  return {
    async put(name, content) {
      // It removes the chunks of an object that fails.
      await store.put({ name }, content, { timeout: 10_000 });
    },
    async *get(name) {
      const info = await store.info(name);
      if (!info || info.deleted) throw new Error(`No object ${name}`);
      const digest = new Bun.CryptoHasher("sha256");
      // `store.get` makes a consumer for each object, which all servers have to agree on. Few chunks need none.
      const subject = `$O.${BUCKET}.C.${info.nuid}`;
      for (let seq = 1, left = info.chunks; left > 0; left--) {
        const next = { seq, next_by_subj: subject } as MsgRequest; // the types of 3.4 lack it, the server has it
        const chunk = await manager.streams.getMessage(`OBJ_${BUCKET}`, next);
        if (!chunk) throw new Error(`A part of object ${name} is missing`);
        digest.update(chunk.data);
        yield chunk.data;
        seq = chunk.seq + 1;
      }
      if (`SHA-256=${digest.digest("base64url")}` !== info.digest.replace(/=+$/, ""))
        throw new Error(`Object ${name} is damaged`);
    },
    async remove(name) {
      await store.delete(name);
    },
  };
}
