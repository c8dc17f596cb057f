/** What goes wrong between a command line and its handler. */
import { expect, test } from "bun:test";
import { hello, makeServer } from "../support/client.js";

test.each(["NONSENSE", "NOOP"])(
  "a user whose name cannot be read for the log: the error is reported as it was thrown, at %s",
  async (line) => {
    const boom = new Error("the directory is away");
    let isAway = false;
    const user = {
      get username() {
        if (!isAway) return "ann";
        isAway = false;
        throw boom;
      },
    };
    const server = makeServer({
      allowInsecureAuth: true,
      logger: {},
      onAuth: (_auth, _session, callback) => callback(null, { user }),
    });
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push(error));
    const client = await hello(server);
    expect(await client.say("AUTH PLAIN AGEAYg==")).toBe("235 Authentication successful");
    isAway = true;
    expect(await client.say(line)).toBe("451 Error: internal server error");
    expect(errors).toEqual([boom]);
    expect(await client.say("NOOP")).toBe("250 OK");
  },
);
