/**
 * The example mx with VERIFY=1: messages signed by mailauth, a DNS server of the test's own, and what the client gets,
 * what is on top of the message, and what is on the disk.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startDNS, type Zone } from "../support/dns.js";
import { endAll } from "../support/ending.js";
import { copyExample, Program } from "../support/program.js";
import { Client } from "./behind/client.js";
import { cleanUp, scratchFolder, TEST_TIMEOUT } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterEach(endAll);
afterAll(cleanUp);

/** What the tests use of mailauth. */
interface Mailauth {
  dkimSign(
    message: string,
    options: { signatureData: { signingDomain: string; selector: string; privateKey: string }[] },
  ): Promise<{ signatures: string }>;
  sealMessage(
    message: Buffer,
    seal: { signingDomain: string; selector: string; privateKey: string; cv: string; authResults: string },
  ): Promise<Buffer>;
}

const modules = join(import.meta.dir, "node_modules");
const { dkimSign, sealMessage } = (await import(join(modules, "mailauth"))) as Mailauth;
const main = copyExample(
  "mx",
  scratchFolder(),
  Object.fromEntries(["mailauth", "dns-packet"].map((name) => [name, join(modules, name)])),
);

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const key = `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;

/** All of loopback may send for good.test, and none of it for bank.test, whose mail is signed. */
const zone: Zone = {
  "TXT good.test": ["v=spf1 ip4:127.0.0.0/8 -all"],
  "TXT _dmarc.good.test": ["v=DMARC1; p=reject"],
  "TXT bank.test": ["v=spf1 -all"],
  "TXT _dmarc.bank.test": ["v=DMARC1; p=reject"],
  "TXT s._domainkey.bank.test": [key],
  "TXT s._domainkey.list.test": [key],
  "TXT s._domainkey.evil.test": [key],
  "TXT _dmarc.lenient.test": ["v=DMARC1; p=quarantine"],
  "TXT _dmarc.broken.test": "SERVFAIL",
};

const messageFrom = (from: string, text = "hello\r\n", more = ""): string =>
  `From: ${from}\r\nTo: b@mx.test\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 19:00:00 +0000\r\n${more}\r\n${text}`;

async function signed(message: string, signingDomain = "bank.test"): Promise<string> {
  const signatureData = [{ signingDomain, selector: "s", privateKey: pem }];
  return `${(await dkimSign(message, { signatureData })).signatures}${message}`;
}

/** As a mailing list does: a footer breaks the signature, and the seal says that it held before. */
async function sealed(message: string, signingDomain: string, dmarc = "pass"): Promise<string> {
  const changed = `${message}-- \r\na footer\r\n`;
  const authResults = `${signingDomain};\r\n dmarc=${dmarc} header.from=bank.test`;
  const seal = { signingDomain, selector: "s", privateKey: pem, cv: "none", authResults };
  return `${await sealMessage(Buffer.from(changed), seal)}${changed}`;
}

/** A field in the relaxed form of RFC 6376 section 3.4.2. */
function relaxed(field: string): string {
  const [, name = "", value = ""] = /^([^:]+):([^]*)$/.exec(field) ?? [];
  return `${name.toLowerCase()}:${value
    .replaceAll("\r\n", "")
    .replace(/[ \t]+/g, " ")
    .trim()}`;
}

interface Stored {
  head: string;
  content: string;
}

/** Starts the example, sends it a message, and ends it. */
async function send(
  data: string,
  { from = "a@good.test", env = {} }: { from?: string; env?: Record<string, string> } = {},
): Promise<{ reply: string; stored: Stored | undefined; files: string[]; asked: string[] }> {
  const { address, asked } = await startDNS(zone);
  const path = join(scratchFolder(), "mx.sqlite");
  const settings = { DATABASE: path, NAME: "mx.test", VERIFY: "1", DNS: address, ...env };
  await new Program(main, ["add", "b@mx.test"], { env: settings }).exited;
  const mx = new Program(main, [], { env: settings });
  using client = await Client.connect({ to: await mx.port() });
  await client.reply();
  await client.say("EHLO client.test");
  const reply = await client.deliver({ from, to: ["b@mx.test"], data });
  await client.say("QUIT");
  await mx.ends("SIGTERM");
  using db = new Database(path);
  const files = readdirSync(`${path}-bodies`);
  const row = db
    .query<{ head: string; content: Uint8Array | null; file: string }, []>(
      "SELECT head, content, file FROM messages",
    )
    .get();
  const octets = row && (row.content ?? readFileSync(join(`${path}-bodies`, row.file)));
  const stored =
    row && octets ? { head: row.head, content: Buffer.from(octets).toString("latin1") } : undefined;
  return { reply, stored, files, asked };
}

/** The result of a method in Authentication-Results. */
const resultOf = (method: string, stored: Stored | undefined): string | undefined =>
  new RegExp(`^ ${method}=(\\w+)`, "m").exec(stored?.head ?? "")?.[1];

const REFUSED = "550 5.7.26 Not authenticated as bank.test, whose policy is to reject";
/** Goes to a file. */
const LARGE = "a line\r\n".repeat(20_000);

describe("a message is stored with what was found:", () => {
  test("SPF pass, in the order of the lines on top", async () => {
    const { reply, stored } = await send(messageFrom("a@good.test"));
    expect(reply).toMatch(/^250 2\.6\.0 Stored as 1$/);
    const names = Array.from(stored?.head.matchAll(/^[\w-]+(?=:)/gm) ?? [], ([name]) => name);
    expect(names).toEqual(["Return-Path", "Received-SPF", "Authentication-Results", "Received"]);
    expect(stored?.head).toContain("\r\nAuthentication-Results: mx.test;\r\n");
    expect(stored?.head.replaceAll("\r\n", "")).not.toContain("\n");
    expect([resultOf("spf", stored), resultOf("dkim", stored), resultOf("dmarc", stored)]).toEqual([
      "pass",
      "none",
      "pass",
    ]);
    expect(stored?.content).toBe(messageFrom("a@good.test"));
  });

  test.each([
    ["in memory", "hello\r\n"],
    ["in a file", LARGE],
  ])("a signature that holds where SPF does not, %s", async (_, text) => {
    const message = await signed(messageFrom("a@bank.test", text));
    const { reply, stored } = await send(message, { from: "a@bank.test" });
    expect(reply).toStartWith("250 ");
    expect([resultOf("spf", stored), resultOf("dkim", stored), resultOf("dmarc", stored)]).toEqual([
      "fail",
      "pass",
      "pass",
    ]);
    expect(stored?.content === message).toBe(true);
  });

  test("a failure where the policy is not to reject", async () => {
    const { reply, stored } = await send(messageFrom("a@lenient.test"), { from: "a@elsewhere.test" });
    expect(reply).toStartWith("250 ");
    expect(resultOf("dmarc", stored)).toBe("fail");
  });

  test("a bounce, which has no sender", async () => {
    const { reply } = await send(messageFrom("mailer-daemon@elsewhere.test"), { from: "" });
    expect(reply).toStartWith("250 ");
  });
});

describe("a message is refused, and nothing of it is stored:", () => {
  test.each([
    ["of a domain whose policy is to reject", messageFrom("a@bank.test"), REFUSED],
    ["in a file", messageFrom("a@bank.test", LARGE), REFUSED],
    [
      "with two domains in From",
      messageFrom("a@good.test, b@bank.test"),
      "550 5.6.0 From does not name one domain",
    ],
    ["without From", messageFrom("x").replace("From: x\r\n", ""), "550 5.6.0 From does not name one domain"],
    [
      "with two From fields",
      `From: a@good.test\r\n${messageFrom("a@bank.test")}`,
      "550 5.6.0 From does not name one domain",
    ],
    [
      "whose policy cannot be read now",
      messageFrom("a@broken.test"),
      "451 4.7.0 The policy of the sender's domain cannot be read",
    ],
    [
      "with a header of more than 64 kB",
      messageFrom("a@good.test", "", `X: ${`${"x".repeat(70)}\r\n `.repeat(1000)}x\r\n`),
      "554 5.6.0 Header too long",
    ],
  ])("%s", async (_, message, expected) => {
    const { reply, stored, files } = await send(message, { from: "a@good.test" });
    expect(reply).toBe(expected);
    expect(stored).toBeUndefined();
    expect(files).toEqual([]);
  });

  test("signed, and changed on its way", async () => {
    const message = (await signed(messageFrom("a@bank.test"))).replace("hello", "jello");
    expect((await send(message)).reply).toBe(REFUSED);
  });

  test("signed by another domain than that of From", async () => {
    expect((await send(await signed(messageFrom("a@bank.test"), "evil.test"))).reply).toBe(REFUSED);
  });
});

describe("ARC:", () => {
  const env = { ARC_TRUST: "other.test List.test" };
  test("what a trusted list changed is taken", async () => {
    const message = await sealed(await signed(messageFrom("a@bank.test")), "list.test");
    const { reply, stored } = await send(message, { from: "list@list.test", env });
    expect(reply).toStartWith("250 ");
    expect([resultOf("arc", stored), resultOf("dmarc", stored)]).toEqual(["pass", "fail"]);
  });

  test.each([
    ["a list that is not trusted", "evil.test", "pass", ""],
    ["a trusted list that found it not authenticated", "list.test", "fail", ""],
    ["a trusted list, changed after that", "list.test", "pass", "one more line\r\n"],
  ])("what comes by way of %s is refused", async (_, sealer, dmarc, more) => {
    const message = await sealed(await signed(messageFrom("a@bank.test")), sealer, dmarc);
    expect((await send(message + more, { from: "list@list.test", env })).reply).toBe(REFUSED);
  });

  test("a seal over the signature of a trusted list counts as that of its own domain", async () => {
    // What the list had found to fail is taken from it, with its signature, and sealed with another finding.
    const ofList = await sealed(await signed(messageFrom("a@bank.test")), "list.test", "fail");
    const field = (name: string): string =>
      new RegExp(`^${name}:.*\r\n(?:[ \t].*\r\n)*`, "m").exec(ofList)?.[0] ?? "";
    const results = field("ARC-Authentication-Results").replace("dmarc=fail", "dmarc=pass");
    const seal = "ARC-Seal: i=1; a=rsa-sha256; t=1795290146; cv=none; d=evil.test; s=s; b=";
    const covered = [results, field("ARC-Message-Signature"), seal].map(relaxed).join("\r\n");
    const forged = ofList
      .replace(field("ARC-Authentication-Results"), results)
      .replace(
        field("ARC-Seal"),
        `${seal}${sign("RSA-SHA256", Buffer.from(covered), pem).toString("base64")}\r\n`,
      );
    const from = "list@list.test";
    expect((await send(forged, { from, env: { ARC_TRUST: "evil.test" } })).reply).toStartWith("250 ");
    expect((await send(forged, { from, env: { ARC_TRUST: "list.test" } })).reply).toBe(REFUSED);
  });
});

describe("results that others claim to have found lose their name:", () => {
  const forged =
    "Authentication-Results: mx.test; dmarc=pass\r\nauthentication-results :\r\n mx.test; spf=pass\r\n";
  test.each([
    ["in memory", "Authentication-Results: in the text\r\n"],
    ["in a file", `Authentication-Results: in the text\r\n${LARGE}`],
  ])("%s", async (_, text) => {
    const message =
      forged + messageFrom("a@good.test", text, "Authentication-Results: mx.test; dkim=pass\r\n");
    const { reply, stored } = await send(message);
    expect(reply).toStartWith("250 ");
    const [header = "", body] = stored?.content.split(/\r\n\r\n([^]*)/) ?? [];
    expect(header).not.toMatch(/^authentication-results[ \t]*:/im);
    expect(header.match(/^X-Removed-Auth-Results ?:/gm)).toHaveLength(3);
    expect(body).toBe(text);
    expect(stored?.content).toHaveLength(message.length);
  });
});

test("an SPF record that is too long for a packet is asked for over TCP", async () => {
  const many = Array.from({ length: 150 }, (_, at) => `ip4:192.0.2.${at}`).join(" ");
  zone["TXT long.test"] = [`v=spf1 ${many} ip4:127.0.0.0/8 -all`];
  const { stored, asked } = await send(messageFrom("a@long.test"), { from: "a@long.test" });
  expect(resultOf("spf", stored)).toBe("pass");
  expect(asked).toContain("TXT long.test over TCP");
});

test("a message with many signatures makes the server ask for 50 names and no more", async () => {
  const signature = (at: number): string =>
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d${at}.test; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=eA==\r\n`;
  const many = Array.from({ length: 200 }, (_, at) => signature(at)).join("");
  const { asked } = await send(many + messageFrom("a@good.test", ""));
  expect(asked).toHaveLength(50);
});
