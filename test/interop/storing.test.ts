/**
 * Messages that cannot be stored: the disk is full, as /dev/full is, or the client disconnects in the middle. Whichever way
 * onData writes, it learns of that and so does the client, the connection goes on, and the next message is stored as it
 * was sent.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { createWriteStream, existsSync, readFileSync } from "node:fs";
import type { DataStream, SMTPServerOptions } from "../../src/index.js";
import { Client } from "./behind/client.js";
import { writers } from "./hostile/writers.js";
import { cleanUp, scratchPath, server, TEST_TIMEOUT } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

const FULL = "/dev/full";

type OnData = NonNullable<SMTPServerOptions["onData"]>;
type Write = (stream: DataStream) => Promise<unknown>;

/** What a hook makes of a write that failed, the client's reply then, and whether the server's `error` tells of it. */
const judgements: Record<string, { onData(write: Write): OnData; heard: RegExp; isError: boolean }> = {
  "says 452": {
    onData: (write) => (stream, _session, callback) => {
      write(stream).then(
        () => callback(null, "stored"),
        (error: Error) => callback(Object.assign(error, { responseCode: 452 })),
      );
    },
    heard: /^452 ENOSPC/,
    isError: false,
  },
  "rejects its promise": {
    onData: (write) => async (stream, _session) => {
      await write(stream);
      return "stored";
    },
    heard: /^450 ENOSPC/,
    isError: false,
  },
  "does not catch it": {
    onData: (write) => async (stream, _session, callback) => {
      await write(stream);
      callback(null, "stored");
    },
    heard: /^451 Error: internal server error$/,
    isError: true,
  },
};

const lines = (count: number): string => "a line\r\n.a line that begins with a dot\r\n".repeat(count);
const sizes = { "a small message": lines(3), "a large one": lines(30_000) };
const verbs: Record<string, (client: Client, data: string) => Promise<string>> = {
  DATA: (client, data) => client.deliver({ from: "a@client.test", to: ["b@mx.test"], data }),
  async BDAT(client, data) {
    await client.say("MAIL FROM:<a@client.test>");
    await client.say("RCPT TO:<b@mx.test>");
    // The last CRLF comes by itself.
    return client.say(`BDAT ${data.length} LAST\r\n${data.slice(0, -2)}`);
  },
};

/** A hook that stores at the path of the moment. */
interface Hook {
  name: string;
  onData(path: () => string): OnData;
  heard: RegExp;
  isError: boolean;
}

const hooks: Hook[] = [
  {
    // As programs made for smtp-server do. They stop reading when the file has failed: the server waits for the rest and drops it.
    name: "pipe to a file stream, where the hook says 452",
    onData: (path) => (stream, _session, callback) => {
      stream
        .pipe(createWriteStream(path()))
        .on("error", (error) => callback(Object.assign(error, { responseCode: 452 })))
        .on("finish", () => callback(null, "stored"));
    },
    heard: /^452 ENOSPC/,
    isError: false,
  },
  ...Object.entries(writers).flatMap(([way, write]) =>
    Object.entries(judgements).map(([judgement, { onData, heard, isError }]) => ({
      name: `${way}, where the hook ${judgement}`,
      onData: (path: () => string) => onData((stream) => write(stream, path())),
      heard,
      isError,
    })),
  ),
];

for (const { name, onData, heard, isError } of hooks) {
  (existsSync(FULL) ? test : test.skip)(name, async () => {
    let path = FULL;
    await using running = await server({ onData: onData(() => path) });
    using client = await Client.connect({ to: running.port });
    await client.reply();
    await client.say("EHLO client.test");
    for (const deliver of Object.values(verbs)) {
      for (const data of Object.values(sizes)) {
        running.errors.length = 0;
        path = FULL;
        expect(await deliver(client, data)).toMatch(heard);
        expect(running.errors.map((error) => "code" in error && error.code)).toEqual(
          isError ? ["ENOSPC"] : [],
        );
        path = scratchPath();
        expect(await deliver(client, data)).toBe("250 stored");
        expect(readFileSync(path, "latin1") === data).toBe(true);
      }
    }
  });
}

for (const [way, write] of Object.entries(writers)) {
  test(`${way}: half a message of a client that disconnects is an error`, async () => {
    const outcomes: unknown[] = [];
    let settled = Promise.withResolvers<void>();
    await using running = await server({
      async onData(stream, _session) {
        try {
          outcomes.push(await write(stream, scratchPath()));
        } catch (error) {
          outcomes.push(error instanceof Error && "code" in error ? error.code : error);
        }
        settled.resolve();
      },
    });
    for (const data of Object.values(sizes)) {
      for (const command of ["DATA\r\n", `BDAT ${data.length + 1} LAST\r\n`]) {
        settled = Promise.withResolvers();
        using client = await Client.connect({ to: running.port });
        await client.reply();
        for (const line of ["EHLO client.test", "MAIL FROM:<a@client.test>", "RCPT TO:<b@mx.test>"])
          await client.say(line);
        await client.send(command + data);
        client[Symbol.dispose]();
        await settled.promise;
      }
    }
    expect(outcomes).toEqual(Array(4).fill("ECONNECTION"));
  });
}
