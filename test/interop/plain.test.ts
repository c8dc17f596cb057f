/** Real programs deliver over SMTP and LMTP without TLS; what arrives is compared byte for byte. */
import { afterAll, describe, expect, setDefaultTimeout } from "bun:test";
import { clients, FROM, TO } from "./clients.js";
import { corpus, difference, onTheWire, withLastLineEnd } from "./corpus.js";
import { cleanUp, file, run, scratchPath, server, TEST_TIMEOUT, testWith } from "./harness.js";
import type { SMTPServerOptions } from "../../src/index.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

for (const [name, client] of clients) {
  describe(`${name} over plain SMTP`, () => {
    for (const [content, data] of corpus) {
      testWith(client.program)(content, async () => {
        await using running = await server();
        const { code, output } = await client.send({ port: running.port, data, security: "plain" });
        expect(code, output).toBe(0);
        expect(running.mail).toHaveLength(1);
        expect(running.mail[0]?.from).toBe(FROM);
        expect(running.mail[0]?.to).toEqual([TO]);
        expect(running.mail[0]?.session.transmissionType).toBe("ESMTP");
        expect(difference(running.mail[0]?.bytes, client.arrives(data))).toBeUndefined();
        expect(running.errors).toEqual([]);
      });
    }
  });
}

describe("Postfix's smtp-source", () => {
  /** `-F` takes text as files have it. */
  const asFile = (data: Buffer): string => file(data.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
  /** It ends every message with an empty line. */
  const arrives = (data: Buffer): Buffer => Buffer.concat([withLastLineEnd(data), Buffer.from("\r\n")]);
  const sourceTest = testWith("smtp-source");
  const send = (where: string, ...args: string[]) =>
    run("smtp-source", [...args, "-f", FROM, "-t", TO, where]);

  for (const [content, data] of corpus) {
    // With an empty file it makes up a message.
    if (data.length === 0) continue;
    sourceTest(content, async () => {
      await using running = await server();
      const { code, output } = await send(`127.0.0.1:${running.port}`, "-F", asFile(data));
      expect(code, output).toBe(0);
      expect(running.mail).toHaveLength(1);
      expect(difference(running.mail[0]?.bytes, arrives(data))).toBeUndefined();
    });
  }

  const letter = corpus.get("lines of dots") ?? Buffer.alloc(0);
  const floods: readonly (readonly [what: string, lmtp: boolean, args: string[]])[] = [
    ["5000 messages over 50 connections at a time", false, []],
    ["5000 messages over 50 kept connections", false, ["-d"]],
    ["5000 messages with five recipients each", false, ["-d", "-r", "5"]],
    ["5000 messages over LMTP", true, ["-L"]],
  ];
  for (const [what, lmtp, args] of floods) {
    sourceTest(what, async () => {
      await using running = await server({ lmtp });
      const where = `127.0.0.1:${running.port}`;
      const { code, output } = await send(where, "-s", "50", "-m", "5000", ...args, "-F", asFile(letter));
      expect(code, output).toBe(0);
      expect(running.mail).toHaveLength(5000);
      expect(running.mail.find(({ bytes }) => !bytes.equals(arrives(letter)))).toBeUndefined();
      expect(running.errors).toEqual([]);
    });
  }

  sourceTest("5000 messages of its own making", async () => {
    await using running = await server();
    const { code, output } = await send(`127.0.0.1:${running.port}`, "-s", "50", "-m", "5000", "-l", "4096");
    expect(code, output).toBe(0);
    expect(running.mail).toHaveLength(5000);
    expect(running.mail.find(({ bytes }) => bytes.length < 4096)).toBeUndefined();
  });

  sourceTest("LMTP over a unix socket", async () => {
    const path = scratchPath();
    await using running = await server({ lmtp: true }, path);
    const { code, output } = await send(`unix:${path}`, "-L", "-F", asFile(letter));
    expect(code, output).toBe(0);
    expect(difference(running.mail[0]?.bytes, arrives(letter))).toBeUndefined();
  });
});

describe("swaks over LMTP", () => {
  const letter = corpus.get("lines of dots") ?? Buffer.alloc(0);
  const recipients = ["first@mx.test", "second@mx.test", "third@mx.test"];
  const places: readonly (readonly [what: string, path: string | undefined])[] = [
    ["TCP", undefined],
    ["a unix socket", scratchPath()],
  ];
  for (const [what, path] of places) {
    testWith("swaks")(`one reply for each recipient over ${what}`, async () => {
      const got: Buffer[] = [];
      const options: SMTPServerOptions = {
        lmtp: true,
        async onData(stream) {
          got.push(Buffer.concat(await Array.fromAsync(stream)));
          return ["first taken", Object.assign(new Error("second is full"), { responseCode: 452 })];
        },
      };
      await using running = await server(options, path);
      const target = path === undefined ? ["--server", `localhost:${running.port}`] : ["--socket", path];
      const wire = file(onTheWire(letter).subarray(0, -2));
      const message = ["--suppress-data", "--no-data-fixup", "--data", `@${wire}`];
      const args = [
        "--protocol",
        "LMTP",
        "--helo",
        "client.test",
        "--from",
        FROM,
        "--to",
        recipients.join(","),
      ];
      const { output } = await run("swaks", [...target, ...args, ...message]);
      expect(output).toContain("LHLO client.test");
      const replies = output.slice(output.indexOf("lines sent")).match(/(?<=^<(-|\*\*) +)\d.*$/gm);
      expect(replies, output).toEqual([
        "250 first taken",
        "452 second is full",
        "250 OK: message accepted",
        "221 Bye",
      ]);
      expect(difference(got[0], letter)).toBeUndefined();
    });
  }
});
