/** No payload of a diagnostics channel has a credential, whatever the mechanism, and wherever a client types it. */
import { expect, test } from "bun:test";
import { inspect } from "node:util";
import { scramCredentials, type SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer } from "../support/client.js";
import { CHANNELS, listen } from "../support/subscribe.js";

const SECRET = "tr0ub4dor&3";
const BASE64 = [SECRET, `\0user\0${SECRET}`, `user=user\x01auth=Bearer ${SECRET}\x01\x01`].map((text) =>
  Buffer.from(text).toString("base64"),
);
const [PASSWORD = "", PLAIN = "", XOAUTH2 = ""] = BASE64;
const OAUTHBEARER = Buffer.from(`n,a=user,\x01auth=Bearer ${SECRET}\x01\x01`).toString("base64");

/** All that was published, with everything in it that a subscriber can reach, as it was when it was published. */
function record(): string[] {
  const texts: string[] = [];
  const note = (message: unknown): void => {
    texts.push(inspect(message, { depth: Infinity, showHidden: true, getters: true, maxStringLength: null }));
  };
  for (const name of CHANNELS) listen(name, note);
  return texts;
}

const conversations: Record<string, string[]> = {
  PLAIN: [`AUTH PLAIN ${PLAIN}`],
  "PLAIN in two lines": ["AUTH PLAIN", PLAIN],
  LOGIN: ["AUTH LOGIN", btoa("user"), PASSWORD],
  "LOGIN with the name at once": [`AUTH LOGIN ${btoa("user")}`, PASSWORD],
  XOAUTH2: [`AUTH XOAUTH2 ${XOAUTH2}`],
  OAUTHBEARER: [`AUTH OAUTHBEARER ${OAUTHBEARER}`],
  "a password instead of a mechanism": [`AUTH ${PASSWORD}`],
  "a password in place of a command": [SECRET, PASSWORD, `PASS ${SECRET}`],
  "a password a line too late": ["AUTH PLAIN", "*", PLAIN],
  "XCLIENT LOGIN": ["XCLIENT LOGIN=user", `XCLIENT PASSWORD=${SECRET}`],
};
const answers: Record<string, SMTPServerOptions["onAuth"]> = {
  accepted: (auth, _session, callback) =>
    callback(null, { user: auth.username, credentials: scramCredentials(SECRET) }),
  refused: (_auth, _session, callback) => callback(null, {}),
  crashed: () => {
    throw new Error("boom");
  },
};

for (const [outcome, onAuth] of Object.entries(answers)) {
  test.each(Object.entries(conversations))(`${outcome}: %s`, async (_name, lines) => {
    const texts = record();
    const server = makeServer({
      allowInsecureAuth: true,
      useXClient: true,
      authMethods: ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256"],
      onAuth,
      onMailFrom: (_address, _session, callback) => callback(),
    });
    const client = await hello(server);
    for (const line of lines) client.send(`${line}\r\n`);
    await client.idle();
    await client.say("MAIL FROM:<a@a.test>");
    await client.leave();
    expect(texts.length).toBeGreaterThan(10);
    // Verbs are in upper case, and a password may look like one.
    const all = texts.join("\n").toLowerCase();
    expect(all.includes("ehlo")).toBe(true);
    expect([SECRET, ...BASE64, OAUTHBEARER].filter((secret) => all.includes(secret.toLowerCase()))).toEqual(
      [],
    );
  });
}
