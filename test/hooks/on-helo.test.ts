/** onHelo in each of its forms, and what its mistakes come to. The transcripts `on-helo*` have its replies. */
import { describe, expect, test } from "bun:test";
import {
  SMTPServer,
  type HeloCallback,
  type HeloResponse,
  type SMTPServerOptions,
  type SMTPSession,
} from "../../src/index.js";
import { makeServer, MemoryClient } from "../support/client.js";
import { endAfterTest } from "../support/ending.js";

async function greeted(server: SMTPServer): Promise<MemoryClient> {
  const client = new MemoryClient(server);
  await client.reply();
  return client;
}

const options: SMTPServerOptions = {
  name: "mx.test",
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
};

class Named extends SMTPServer {
  override onHelo(session: SMTPSession, callback: HeloCallback): ReturnType<SMTPServer["onHelo"]> {
    if (session.hostNameAppearsAs === "bad") return callback(new Error("overridden"));
    return super.onHelo(session, callback);
  }
}
class Promising extends SMTPServer {
  override async onHelo({ hostNameAppearsAs }: SMTPSession): Promise<HeloResponse> {
    await Promise.resolve();
    if (hostNameAppearsAs === "bad") throw new Error("overridden");
    return { keywords: ["DELIVERBY"] };
  }
}
const forms: Record<string, () => SMTPServer> = {
  "an option": () =>
    new SMTPServer({
      ...options,
      onHelo({ hostNameAppearsAs }, callback) {
        callback(hostNameAppearsAs === "bad" ? new Error("overridden") : null);
      },
    }),
  "a promise": () =>
    new SMTPServer({
      ...options,
      async onHelo({ hostNameAppearsAs }) {
        if (hostNameAppearsAs === "bad") throw new Error("overridden");
      },
    }),
  "an assignment": () => {
    const server = new SMTPServer(options);
    server.onHelo = ({ hostNameAppearsAs }, callback) =>
      callback(hostNameAppearsAs === "bad" ? new Error("overridden") : null);
    return server;
  },
  "an option of later": () => {
    const server = new SMTPServer({ ...options });
    server.options.onHelo = async ({ hostNameAppearsAs }) => {
      if (hostNameAppearsAs === "bad") throw new Error("overridden");
    };
    return server;
  },
  "a method": () => new Named(options),
  "an async method": () => new Promising(options),
};

test.each(Object.entries(forms))("%s", async (_name, make) => {
  const server = make();
  endAfterTest(() => server.close());
  const client = await greeted(server);
  expect(await client.say("EHLO bad")).toBe("550 overridden");
  expect(await client.say("EHLO good")).toStartWith("250-mx.test Nice to meet you, [192.0.2.99]\n");
  expect(await client.say("MAIL FROM:<a@a.test>")).toBe("250 Accepted");
});

test("nothing is replied before it has answered", async () => {
  let answer = (): void => {};
  const server = makeServer({ onHelo: (_session, callback) => void (answer = () => callback()) });
  const client = await greeted(server);
  client.send("EHLO x\r\nNOOP\r\n");
  expect(await client.idle()).toBe("");
  answer();
  expect(await client.reply()).toStartWith("250-");
  expect(await client.reply()).toBe("250 OK");
});

test("what it does to the session shows in the reply", async () => {
  const server = makeServer({
    onHelo(session, callback) {
      if (session.hostNameAppearsAs === "old.test") session.disabledCommands = ["STARTTLS", "BDAT"];
      callback();
    },
  });
  const client = await greeted(server);
  const reply = await client.say("EHLO old.test");
  expect(reply).not.toContain("STARTTLS");
  expect(reply).not.toContain("CHUNKING");
});

test("its keywords hold for the session that was given them", async () => {
  const server = makeServer({
    rejectUnknownParameters: true,
    onHelo: ({ hostNameAppearsAs }, callback) =>
      callback(null, hostNameAppearsAs === "friend" ? { keywords: ["X-TRACE"] } : null),
  });
  const [friend, other] = [await greeted(server), await greeted(server)];
  expect(await friend.say("EHLO friend")).toEndWith("250 X-TRACE");
  expect(await other.say("EHLO other")).not.toContain("X-TRACE");
  expect(await friend.say("MAIL FROM:<a@a.test> X-TRACE=1")).toBe("250 Accepted");
  expect(await other.say("MAIL FROM:<a@a.test> X-TRACE=1")).toStartWith("555 ");
});

describe("an answer without keywords adds none", () => {
  const answers: Record<string, unknown> = {
    nothing: undefined,
    null: null,
    "an object without the field": {},
    "a text": "DELIVERBY",
    "keywords: undefined": { keywords: undefined },
    "keywords: null": { keywords: null },
    "an empty list": { keywords: [] },
  };
  test.each(Object.entries(answers))("%s", async (_name, answer) => {
    const plain = await (await greeted(makeServer())).say("EHLO x");
    const server = makeServer({ onHelo: (_session, callback) => callback(null, answer as HeloResponse) });
    expect(await (await greeted(server)).say("EHLO x")).toBe(plain);
  });
});

test("a keyword that is none is reported as an error, which names it", async () => {
  const logged: unknown[] = [];
  const server = makeServer({
    onHelo: async () => ({ keywords: ["DELIVERBY", "X\r\n250 Y"] }),
    logger: { error: (_entry, format, ...args) => logged.push([format, ...args]) },
  });
  const errors: Error[] = [];
  server.on("error", (error) => errors.push(error));
  const client = await greeted(server);
  expect(await client.say("EHLO x")).toBe("451 Error: internal server error");
  expect(errors).toHaveLength(1);
  expect(errors[0]).toBeInstanceOf(TypeError);
  expect(errors[0]?.message).toStartWith("onHelo: keywords[1] must be");
  expect(errors[0]?.message).toEndWith(String.raw`got 'X\r\n250 Y'`);
  expect(logged).toContainEqual(["%s failed: %s", "onHelo", errors[0]?.message]);
});

const LINE =
  "must be a keyword of letters, digits and hyphens, and parameters of printable ASCII after one space each " +
  "(RFC 5321 4.1.1.1), 500 characters at most, got";
test.each<[string, unknown, string]>([
  ["no list", "DSN", "onHelo: keywords must be an array, got 'DSN'"],
  ["an object", { a: { b: 1 } }, "onHelo: keywords must be an array, got { a: [Object] }"],
  ["a number", [1], `onHelo: keywords[0] ${LINE} 1`],
  ["a list in the list", ["DSN", ["DSN"]], `onHelo: keywords[1] ${LINE} [ 'DSN' ]`],
  [
    "a long text, on one line",
    ["_".repeat(101)],
    `onHelo: keywords[0] ${LINE} '${"_".repeat(100)}'... 1 more character`,
  ],
  [
    "many values, on one line",
    [Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key${index}`, index]))],
    `onHelo: keywords[0] ${LINE} { ${Array.from({ length: 20 }, (_, index) => `key${index}: ${index}`).join(", ")} }`,
  ],
])("the error says what was given: %s", async (_name, keywords, message) => {
  const server = makeServer({ onHelo: async () => ({ keywords }) as HeloResponse });
  const errors: Error[] = [];
  server.on("error", (error) => errors.push(error));
  const client = await greeted(server);
  expect(await client.say("EHLO x")).toBe("451 Error: internal server error");
  expect(errors.map((error) => error.message)).toEqual([message]);
});

test("a list with a gap is a mistake too", async () => {
  const keywords = ["DELIVERBY"];
  keywords[2] = "X-TRACE";
  const client = await greeted(makeServer({ onHelo: async () => ({ keywords }) }));
  expect(await client.say("EHLO x")).toBe("451 Error: internal server error");
});

test("its keywords of the time before STARTTLS are forgotten", async () => {
  const onHelo = async (_session: SMTPSession): Promise<HeloResponse> => ({ keywords: ["X-TRACE"] });
  const client = await greeted(makeServer({ onHelo, rejectUnknownParameters: true, useXForward: true }));
  await client.chat("EHLO x", "STARTTLS");
  client.transport.handshake();
  expect(await client.say("XFORWARD HELO=y")).toBe("250 OK");
  expect(await client.say("MAIL FROM:<a@a.test> X-TRACE=1")).toStartWith("503 ");
  await client.say("HELO y");
  expect(await client.say("MAIL FROM:<a@a.test> X-TRACE=1")).toStartWith("555 ");
});

test("the longest line that fits a reply line of 512 octets is one", async () => {
  const longest = `X ${"a".repeat(504)}`;
  const server = makeServer({ onHelo: async () => ({ keywords: [longest] }) });
  expect(await (await greeted(server)).say("EHLO x")).toEndWith(`\n250 ${longest}`);
});

test("whatever option throws at EHLO, no client gets past it without its answer", async () => {
  for (let read = 1, threw = true; threw; read++) {
    let left = Infinity;
    threw = false;
    const given: SMTPServerOptions = { ...options, onHelo: async () => ({ keywords: ["X-TRACE"] }) };
    const server = new SMTPServer(
      new Proxy(given, {
        get(target, name) {
          if (--left === 0) {
            threw = true;
            throw new Error(`${String(name)} cannot be read`);
          }
          return Reflect.get(target, name) as unknown;
        },
      }),
    );
    const client = await greeted(server);
    left = read;
    const reply = await client.say("EHLO x");
    left = Infinity;
    if (reply?.startsWith("250")) continue;
    expect(reply).toStartWith("4");
    expect((await client.say("MAIL FROM:<a@a.test>")) ?? "closed").toMatch(/^503 |^closed$/);
  }
});
