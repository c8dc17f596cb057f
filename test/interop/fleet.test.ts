/** The example fleet under fire: what was answered is delivered, octet for octet, whichever of its programs dies. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MailClient } from "../../docs/examples/fleet/client.js";
import { Fleet, type Machine, missing } from "../../docs/examples/fleet/machines.js";
import { Client } from "./behind/client.js";
import { cleanUp, directory, testUnless } from "./behind/service.js";
import { Load } from "./fleet/load.js";

setDefaultTimeout(120_000);

const lacks = missing();
const fleetTest = testUnless(lacks.length > 0 ? lacks.join(", ") : undefined);
const ROOT = new URL("../..", import.meta.url).pathname;

/** What these tests use of the module of the queue. */
interface QueueModule<Q = unknown> {
  openQueue(name: string): Promise<Q & { connection: { close(): Promise<void> } }>;
  enqueue(queue: Q, envelope: object): Promise<void>;
}

/** Loaded by a path that the compiler does not follow: the root has no types of NATS. */
async function queueModule(): Promise<QueueModule> {
  return (await import(join(ROOT, "docs/examples/fleet/queue.ts"))) as QueueModule;
}

describe("fleet", () => {
  let fleet: Fleet;
  let load: Load;
  let mailbox: string;

  beforeAll(async () => {
    if (lacks.length > 0) return;
    const env = { ACK_WAIT: "3", BACK_OFF: "100", TRIES: "6" };
    const folder = directory();
    fleet = new Fleet({ folder, mailboxes: ["you", "me", "full"], deliverers: 2, perAddress: 1000, env });
    mailbox = join(fleet.mail, "you");
    // A mailbox whose deliveries fail each time.
    writeFileSync(join(fleet.mail, "full/new"), "");
    await fleet.start();
    load = new Load(fleet.port);
  });
  // A test that fails leaves nothing to the next one.
  afterEach(async () => {
    await load?.stop();
    for (const machine of fleet?.machines ?? []) if (!machine.isRunning) await machine.start();
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await cleanUp();
  });

  /** The NATS server that leads the queue, once all have all: with one of three away, a second fault stops the rest. */
  async function leader(): Promise<Machine> {
    await fleet.whole();
    for (;;) {
      const machine = await fleet.leader();
      if (machine?.isRunning) return machine;
      await Bun.sleep(100);
    }
  }

  /** Nothing that was answered is lost, nothing is half, whatever else happened. */
  async function expectIntact(): Promise<void> {
    const counts = await load.check(mailbox, 60_000);
    const isIntact = counts.lost === 0 && counts.damaged === 0;
    const outputs = (): string[] =>
      fleet.machines.map(({ name, output }) => `${name}:\n${output.slice(-1500)}`);
    const report = isIntact ? [] : [JSON.stringify(counts), ...load.lost, ...outputs()];
    expect(report.join("\n")).toBe("");
  }

  async function send(mailFrom: string, rcptTo: readonly string[], text: string): Promise<void> {
    using client = await MailClient.open(`127.0.0.1:${fleet.port}`, "client.test", "smtp");
    const content = (async function* () {
      yield Buffer.from(text);
    })();
    const replies = await client.deliver({ mailFrom, rcptTo, isUTF8: false, content });
    expect(replies.map(({ code }) => code)).toEqual(rcptTo.map(() => 250));
  }

  /** The messages of a mailbox, once there are so many. */
  async function mails(folder: string, count = 0): Promise<string[]> {
    const names = (): string[] => [...new Bun.Glob("new/*").scanSync(folder)];
    while (names().length < count) await Bun.sleep(100);
    return Promise.all(names().map((name) => Bun.file(join(folder, name)).text()));
  }

  fleetTest("type-checks as strictly as the package", async () => {
    const tsc = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "-p", join(import.meta.dir, "fleet")]);
    expect(await tsc.stdout.text()).toBe("");
  });

  fleetTest("a small message and a large one go through", async () => {
    await load.one(100);
    await load.one(1_000_000);
    expect(await load.check(mailbox)).toEqual({
      ...{ sent: 2, answered: 2, refused: 0, broken: 0, unwelcome: 0 },
      ...{ lost: 0, damaged: 0, duplicates: 0, deliveredUnanswered: 0 },
    });
  });

  fleetTest("an acknowledgement of a message that the stream does not have is none", async () => {
    // What NATS before 2.11 says of an id that the leader before the election had, and did not store.
    const acks = [{ seq: 0, duplicate: true }, { seq: 7 }];
    const ids: string[] = [];
    const client = {
      async publish(_subject: string, _payload: Uint8Array, { msgID }: { msgID: string }) {
        ids.push(msgID);
        return acks.shift();
      },
    };
    await (await queueModule()).enqueue({ client }, { id: "one" });
    expect(acks).toEqual([]);
    expect(new Set(ids).size).toBe(2);
  });

  fleetTest("each recipient has its own outcome, and the sender gets a bounce for two", async () => {
    const message = "Subject: three\r\n\r\nhello\r\n";
    await send("me@example.com", ["you@example.com", "nobody@example.com", "full@example.com"], message);
    const bounces = await mails(join(fleet.mail, "me"), 2);
    expect(
      bounces.filter((text) => text.includes("Final-Recipient: rfc822; nobody@example.com")),
    ).toHaveLength(1);
    expect(bounces.filter((text) => text.includes("Final-Recipient: rfc822; full@example.com"))).toHaveLength(
      1,
    );
    for (const text of bounces) {
      expect(text).toStartWith("Return-Path: <>\r\n");
      expect(text).toContain("\r\nSubject: three\r\n");
      expect(text).toMatch(/^Status: 5\.(1\.1|2\.0)\r$/m);
    }
    // Two tries more for one of them are none for the others.
    const copies = (await mails(mailbox)).filter((text) => text.includes("Subject: three"));
    expect(copies).toHaveLength(1);
  });

  fleetTest("a bounce is never sent to the null sender, and what is given up is kept", async () => {
    const count = async (): Promise<number | undefined> =>
      (await fleet.streams()).find(({ name }) => name === "MAIL_DEAD")?.state.messages;
    const before = (await count()) ?? 0;
    await send("", ["nobody@example.com"], "Subject: no bounce\r\n\r\n");
    while (((await count()) ?? 0) <= before) await Bun.sleep(100);
    // A message that comes behind it has its turn later than a bounce would have.
    await load.one();
    await load.check(mailbox);
    expect(await mails(join(fleet.mail, "me"))).toHaveLength(2);
  });

  fleetTest("of a large message that breaks off nothing is left", async () => {
    const stored = async (): Promise<number | undefined> =>
      (await fleet.streams()).find(({ name }) => name === "OBJ_mail")?.state.messages;
    const before = (await stored()) ?? 0;
    using client = await MailClient.open(`127.0.0.1:${fleet.port}`, "client.test", "smtp");
    const content = (async function* () {
      yield Buffer.alloc(700_000, "x".repeat(70) + "\r\n");
      while (((await stored()) ?? 0) <= before) await Bun.sleep(50);
      throw new Error("The client breaks off");
    })();
    const mail = { mailFrom: "me@example.com", rcptTo: ["you@example.com"], isUTF8: false, content };
    await expect(client.deliver(mail)).rejects.toThrow("breaks off");
    while ((await stored()) !== before) await Bun.sleep(50);
  });

  fleetTest("a message that cannot be read for longer than its tries last is not given up", async () => {
    const { openQueue, enqueue } = await queueModule();
    const { openBodies } = (await import(join(ROOT, "docs/examples/fleet/objects.ts"))) as {
      openBodies(queue: unknown): Promise<{ put(name: string, content: ReadableStream): Promise<void> }>;
    };
    process.env["NATS"] = fleet.servers;
    const queue = await openQueue("test");
    const envelope = { mailFrom: "you@example.com", rcptTo: ["me@example.com"], isUTF8: false, tries: 0 };
    await enqueue(queue, { ...envelope, id: "late", head: "", object: "late" });
    const tries = (): number =>
      fleet.deliverers.flatMap(({ output }) => output.match(/^late: .* No object late$/gm) ?? []).length;
    // One more than TRIES.
    while (tries() < 7) await Bun.sleep(100);
    await (await openBodies(queue)).put("late", new Blob(["Subject: late\r\n\r\n"]).stream());
    const isLate = (text: string): boolean => text.includes("Subject: late");
    while (!(await mails(join(fleet.mail, "me"))).some(isLate)) await Bun.sleep(100);
    await queue.connection.close();
    delete process.env["NATS"];
    expect((await mails(mailbox)).filter((text) => text.includes("Final-Recipient"))).toEqual([]);
  });

  fleetTest("the NATS server that leads the queue is killed: the next message goes through", async () => {
    const victim = await leader();
    load.start(4);
    await load.more(20);
    await victim.stop("SIGKILL");
    const seconds = await load.one();
    await load.stop();
    expect(seconds).toBeLessThan(30);
    await expectIntact();
  });

  fleetTest("a receiver and the leader are killed while they hold messages", async () => {
    const first = await leader();
    load.start(8);
    await load.more(20);
    // While the leader stands still, messages wait for it in the receivers and in its sockets.
    process.kill(first.pid, "SIGSTOP");
    await Bun.sleep(500);
    const [victim] = fleet.receivers;
    await Promise.all([victim?.stop("SIGKILL"), first.stop("SIGKILL")]);
    await load.more(20);
    await load.stop();
    await expectIntact();
  });

  fleetTest("a receiver starts while the object store has no leader", async () => {
    await fleet.whole();
    const [receiver] = fleet.receivers;
    await receiver?.stop("SIGKILL");
    const objects = await fleet.leader("OBJ_mail");
    await objects?.stop("SIGKILL");
    await receiver?.start();
  });

  fleetTest("a deliverer is killed while it holds messages", async () => {
    load.start(8);
    await load.more(20);
    // While the LMTP server stands still, messages wait for it in the deliverers.
    process.kill(fleet.lmtp.pid, "SIGSTOP");
    await load.more(30);
    const [victim] = fleet.deliverers;
    await victim?.stop("SIGKILL");
    process.kill(fleet.lmtp.pid, "SIGCONT");
    await load.more(20);
    await load.stop();
    await expectIntact();
  });

  fleetTest("a receiver that ends fails its health check first, and greets until it closes", async () => {
    const [receiver] = fleet.receivers;
    const [{ smtp, health } = { smtp: 0, health: 0 }] = fleet.behind;
    const stopped = receiver?.stop();
    while ((await fetch(`http://127.0.0.1:${health}`)).ok) await Bun.sleep(10);
    const before = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n";
    using client = await Client.connect({ to: smtp, before });
    expect(await client.reply()).toStartWith("220 ");
    expect(await client.say("QUIT")).toStartWith("221 ");
    await stopped;
    await receiver?.start();
  });

  fleetTest("all receivers are restarted one after the other: no connection is refused", async () => {
    const before = load.unwelcome;
    load.start(8);
    await load.more(20);
    await fleet.restartReceivers();
    await load.more(20);
    await load.stop();
    await expectIntact();
    console.log(await load.check(mailbox));
    expect(load.unwelcome - before).toBe(0);
  });
});
