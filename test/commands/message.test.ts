/** What onData gets of a message, and the replies that its answers make. */
import { describe, expect, test } from "bun:test";
import type { DataStream, SMTPServerOptions } from "../../src/index.js";
import { SMTPError } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { collectWarnings } from "../support/warnings.js";

describe("the stream of onData", () => {
  /** What the stream fails with. */
  async function failure(options: SMTPServerOptions, send: (client: MemoryClient) => void): Promise<unknown> {
    const failed = Promise.withResolvers<unknown>();
    const server = makeServer({
      ...options,
      onData: (stream, _session, callback) => {
        new Response(stream).text().then(failed.resolve, failed.reject);
        void callback;
      },
    });
    const client = await hello(server);
    await client.envelope();
    send(client);
    return failed.promise.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  test("says with `size` whether the message is over it", async () => {
    const seen: unknown[] = [];
    const server = makeServer({
      size: 10,
      async onData(stream, _session) {
        await new Response(stream).text();
        seen.push([stream.byteLength, stream.sizeExceeded]);
      },
    });
    const client = await hello(server);
    await client.deliver("01234567\r\n");
    await client.deliver("012345678\r\n");
    expect(seen).toEqual([
      [10, false],
      [11, true],
    ]);
  });

  test("fails with EBARENEWLINE, the reply's code and what was bare", async () => {
    const error = await failure({}, (client) => client.send("DATA\r\na\nb\r\n.\r\n"));
    expect(error).toBeInstanceOf(SMTPError);
    expect(error).toMatchObject({
      code: "EBARENEWLINE",
      responseCode: 550,
      message: "Message has a bare LF",
    });
  });

  test.each(["DATA", "BDAT 4"])(
    "fails where onData closes the connection before it reads: %s",
    async (command) => {
      const read = Promise.withResolvers<unknown>();
      const server = makeServer({
        async onData(stream) {
          for (const connection of server.connections) connection.close();
          await new Response(stream).text().then(read.resolve, read.resolve);
        },
      });
      const client = await hello(server);
      await client.envelope();
      client.send(`${command}\r\nhalf`);
      await client.leave();
      expect(await read.promise).toMatchObject({ code: "ECONNECTION" });
    },
  );

  test("fails with EREFUSED where a chunk of BDAT is over `size`", async () => {
    const error = await failure({ size: 5 }, (client) => client.send("BDAT 4\r\nabcdBDAT 4\r\nefgh"));
    expect(error).toBeInstanceOf(SMTPError);
    expect(error).toMatchObject({
      code: "EREFUSED",
      message: "Error: message exceeds fixed maximum message size 5",
    });
  });

  test("fails with EABANDONED if the hook has answered and leaves a full queue unread", async () => {
    const clock = new TestClock();
    let opened: DataStream | undefined;
    const server = makeServer(
      {
        onData(stream, _session, callback) {
          opened = stream;
          stream.getReader();
          callback();
        },
      },
      clock,
    );
    const client = await hello(server);
    await client.envelope();
    await client.say("DATA");
    client.send("x".repeat(1_000_000));
    await client.idle();
    expect(client.transport.paused).toBe(true);
    clock.pass(1999);
    await client.idle();
    expect(client.transport.paused).toBe(true);
    clock.pass(1);
    await client.idle();
    expect(client.transport.paused).toBe(false);
    expect(opened?.errored).toMatchObject({
      name: "SMTPError",
      code: "EABANDONED",
      message: "The message was answered and not read",
    });
    client.send("\r\n.\r\n");
    expect(await client.reply()).toBe("250 OK: message queued");
  });
});

describe("a hook that forgets its callback", () => {
  const warnings = collectWarnings();

  test("gets a warning while its message is in transfer", async () => {
    const server = makeServer({
      async onData(stream, _session, callback) {
        await new Response(stream).text();
        void callback;
      },
    });
    const client = await hello(server);
    await client.envelope();
    await client.say("DATA");
    client.send("hi\r\n.\r\n");
    await client.idle();
    expect(warnings.join()).toContain("onData");
    await client.leave();
  });

  test("gets none after its message has failed, for its answer would not count", async () => {
    const server = makeServer({
      async onData(stream, _session, callback) {
        await new Response(stream).text().catch(() => {});
        void callback;
      },
    });
    const client = await hello(server);
    await client.envelope();
    await client.say("DATA");
    expect(await client.say("a\nb\r\n.")).toBe("550 Error: bare <LF> received");
    await client.idle();
    expect(warnings).toEqual([]);
  });
});

describe("replies", () => {
  test("rejectOversized refuses above `size`, and not at it", async () => {
    const server = makeServer({ size: 10, rejectOversized: true });
    const client = await hello(server);
    expect(await client.deliver("01234567\r\n")).toBe("250 OK: message queued");
    expect(await client.deliver("012345678\r\n")).toBe(
      "552 Error: message exceeds fixed maximum message size 10",
    );
  });

  test("a bare newline has its enhanced status code", async () => {
    const client = await hello(makeServer({ hideENHANCEDSTATUSCODES: false }));
    expect(await client.deliver("a\nb\r\n")).toBe("550 5.5.2 Error: bare <LF> received");
  });

  /** The replies of LMTP to a message for these recipients. */
  async function lmtp(
    recipients: string[],
    onData: (envelope: { rcptTo: unknown }, session: { envelope: unknown }) => unknown,
  ): Promise<string> {
    const server = makeServer({
      lmtp: true,
      async onData(stream, session) {
        await new Response(stream).text();
        return onData(session.envelope, session) as string[];
      },
    });
    const client = new MemoryClient(server);
    await client.reply();
    await client.say("LHLO x");
    await client.envelope(...recipients);
    await client.say("DATA");
    client.send("hi\r\n.\r\n");
    return (await client.idle()).trimEnd().replaceAll("\r\n", " | ");
  }

  test.each<[string, string[], string[], string]>([
    ["one entry for each address", ["a@x", "b@x", "a@x"], ["A", "B"], "250 A | 250 B | 250 A"],
    ["one entry for each command", ["a@x", "b@x", "a@x"], ["A", "B", "C"], "250 A | 250 B | 250 C"],
    ["more entries than commands", ["a@x", "b@x", "a@x"], ["A", "B", "C", "D"], "250 A | 250 B | 250 A"],
    ["fewer entries than addresses", ["a@x", "b@x"], ["A"], "250 A | 250 OK: message accepted"],
  ])("LMTP: %s", async (_, recipients, answer, replies) => {
    const domain = (address: string): string => address.replace("@x", "@x.test");
    expect(await lmtp(recipients.map(domain), () => answer)).toBe(replies);
  });

  test("LMTP: entries follow rcptTo where the hook has put it in another order", async () => {
    const replies = await lmtp(["a@x.test", "b@x.test"], ({ rcptTo }) => {
      (rcptTo as unknown[]).reverse();
      return ["for b", "for a"];
    });
    expect(replies).toBe("250 for a | 250 for b");
  });

  test.each([null, undefined, {}])("LMTP: a hook that leaves %p for an envelope", async (envelope) => {
    const replies = await lmtp(["a@x.test", "b@x.test"], (_, session) => {
      session.envelope = envelope;
      return undefined;
    });
    expect(replies).toBe("250 OK: message accepted | 250 OK: message accepted");
  });

  test("the debug log has the octets of a message in place of its text", async () => {
    const entries: unknown[][] = [];
    const server = makeServer({ logger: { debug: (...entry: unknown[]) => void entries.push(entry) } });
    const client = await hello(server);
    await client.deliver("secret\r\n");
    const logged = entries.filter(([entry]) => (entry as { tnx?: string }).tnx === "data");
    expect(logged).toEqual([[expect.objectContaining({ bytes: 8 }), "C: <%s bytes of DATA>", 8]]);
    expect(JSON.stringify(entries)).not.toContain("secret");
  });
});
