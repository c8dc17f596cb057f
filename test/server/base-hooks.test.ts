/** What the hooks of the class answer to a subclass that calls them. */
import { expect, test } from "bun:test";
import { SMTPServer } from "../../src/index.js";
import { MemoryClient } from "../support/client.js";

const calls: string[] = [];

class Calling extends SMTPServer {
  override onConnect(...args: Parameters<SMTPServer["onConnect"]>): ReturnType<SMTPServer["onConnect"]> {
    calls.push("onConnect");
    return super.onConnect(...args);
  }
  override onSecure(...args: Parameters<SMTPServer["onSecure"]>): ReturnType<SMTPServer["onSecure"]> {
    calls.push("onSecure");
    return super.onSecure(...args);
  }
  override onHelo(...args: Parameters<SMTPServer["onHelo"]>): ReturnType<SMTPServer["onHelo"]> {
    calls.push("onHelo");
    return super.onHelo(...args);
  }
  override onAuth(...args: Parameters<SMTPServer["onAuth"]>): ReturnType<SMTPServer["onAuth"]> {
    calls.push("onAuth");
    return super.onAuth(...args);
  }
  override onMailFrom(...args: Parameters<SMTPServer["onMailFrom"]>): ReturnType<SMTPServer["onMailFrom"]> {
    calls.push("onMailFrom");
    return super.onMailFrom(...args);
  }
  override onRcptTo(...args: Parameters<SMTPServer["onRcptTo"]>): ReturnType<SMTPServer["onRcptTo"]> {
    calls.push("onRcptTo");
    return super.onRcptTo(...args);
  }
  override onData(...args: Parameters<SMTPServer["onData"]>): ReturnType<SMTPServer["onData"]> {
    calls.push("onData");
    return super.onData(...args);
  }
}

test("they accept the client and its mail, and refuse AUTH but not the login of XCLIENT", async () => {
  const options = { name: "mx.test", authOptional: true, useXClient: true, disableReverseLookup: true };
  const client = new MemoryClient(new Calling({ ...options, logger: false }));
  expect(await client.reply()).toStartWith("220 ");
  expect(await client.say("EHLO x")).toStartWith("250");
  expect(await client.say("STARTTLS")).toStartWith("220 ");
  client.transport.handshake();
  expect(await client.say("EHLO x")).toStartWith("250");
  expect(await client.say("AUTH PLAIN AGFubgBzZWNyZXQ=")).toBe("535 Authentication not implemented");
  expect(await client.say("XCLIENT LOGIN=bob")).toStartWith("220 ");
  expect(await client.say("EHLO x")).toStartWith("250");
  expect(await client.deliver()).toBe("250 OK: message queued");
  expect(calls).toEqual([
    ...["onConnect", "onHelo", "onSecure", "onHelo", "onAuth", "onAuth", "onHelo"],
    ...["onMailFrom", "onRcptTo", "onData"],
  ]);
});
