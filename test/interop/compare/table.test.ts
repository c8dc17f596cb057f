/** The table of the README that sets this library beside smtp-server: each row that a client can see is seen here. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { SMTPServer } from "../../../src/index.js";
import { TLSClient } from "../../support/tls-client.js";
import { original } from "./compare.js";
import type { ServerClass } from "./play.js";

setDefaultTimeout(30_000);

const QUIET = { authOptional: true, disableReverseLookup: true, logger: false, closeTimeout: 1 };

/** Whichever of the two it is, as far as it is used here. */
interface Server {
  listen(port: number, host: string, callback: () => void): unknown;
  close(callback: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly server: { address(): AddressInfo | string | null };
}

const running: Server[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await new Promise<void>((resolve) => void server.close(resolve));
});

async function listen(serverClass: ServerClass, options: object): Promise<number> {
  const server = new serverClass({ ...QUIET, ...options }) as unknown as Server;
  server.on("error", () => {});
  running.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return (server.server.address() as AddressInfo).port;
}

/** What a client sees of smtp-server, and what of this library. */
function both(
  title: string,
  see: (serverClass: ServerClass) => Promise<unknown>,
  theirs: unknown,
  ours: unknown,
): void {
  test.skipIf(!original)(title, async () => {
    expect(await see(original as ServerClass)).toEqual(theirs);
    expect(await see(SMTPServer as unknown as ServerClass)).toEqual(ours);
  });
}

/** A client that has said EHLO. */
async function hello(serverClass: ServerClass, options: object = {}): Promise<TLSClient> {
  const client = await TLSClient.plain(await listen(serverClass, options));
  await client.reply();
  await client.say("EHLO client.test");
  return client;
}

const code = (reply: string | undefined): string | undefined => reply?.slice(0, 3);

both(
  "server without a certificate",
  async (serverClass) => {
    const client = await TLSClient.implicit(await listen(serverClass, { secure: true }));
    return Date.parse((client.socket as TLSSocket).getPeerCertificate().valid_to) > Date.now();
  },
  false,
  true,
);

both(
  "AUTH SCRAM-SHA-256",
  async (serverClass) => {
    const client = await hello(serverClass, {
      allowInsecureAuth: true,
      authMethods: ["PLAIN", "SCRAM-SHA-256"],
    });
    return code(await client.say(`AUTH SCRAM-SHA-256 ${btoa("n,,n=user,r=nonce")}`));
  },
  "504",
  "334",
);

both(
  "failed logins",
  async (serverClass) => {
    const client = await hello(serverClass, { allowInsecureAuth: true });
    const heard = [];
    for (let attempt = 0; attempt < 6; attempt++) heard.push(code(await client.say("AUTH PLAIN AGEAYg==")));
    return heard;
  },
  Array.from({ length: 6 }, () => "535"),
  [...Array.from({ length: 5 }, () => "535"), "421"],
);

for (const end of ["\n.\n", "\n.\r\n"]) {
  both(
    `${JSON.stringify(end)} in a message`,
    async (serverClass) => {
      const client = await hello(serverClass);
      return code(await client.deliver(`a${end}b\r\n`));
    },
    "250",
    "550",
  );
}

both(
  "CHUNKING",
  async (serverClass) => {
    const client = await hello(serverClass);
    await client.say("MAIL FROM:<a@a.test>");
    await client.say("RCPT TO:<b@b.test>");
    return code(await client.say("BDAT 4 LAST\r\nhi"));
  },
  "500",
  "250",
);

both(
  "PROXY protocol 2",
  async (serverClass) => {
    const client = await TLSClient.plain(await listen(serverClass, { useProxy: true }));
    const addresses = Buffer.from([192, 0, 2, 7, 192, 0, 2, 1, 4, 1, 0, 25]);
    client.socket.write(Buffer.concat([Buffer.from("0d0a0d0a000d0a515549540a2111000c", "hex"), addresses]));
    return code(await client.reply());
  },
  undefined,
  "220",
);

both(
  "client that closes its side early",
  async (serverClass) => {
    const client = await hello(serverClass, {
      onRcptTo: (_address: object, _session: object, callback: () => void) => setTimeout(callback, 50),
    });
    await client.say("MAIL FROM:<a@a.test>");
    client.send("RCPT TO:<b@b.test>\r\n");
    client.socket.end();
    return code(await client.reply());
  },
  undefined,
  "250",
);

both(
  "greeting within 90 ms",
  async (serverClass) => {
    // The best of several: the machine may be busy.
    const waits = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const client = await TLSClient.plain(await listen(serverClass, {}));
      const connected = performance.now();
      await client.reply();
      waits.push(performance.now() - connected);
    }
    return Math.min(...waits) < 90;
  },
  false,
  true,
);
