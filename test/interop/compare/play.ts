/** Plays a client's side to a server over TCP and writes down what it heard and what the hooks were given. */
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import type { SMTPServerOptions, SMTPServer } from "../../../src/index.js";

/** The two libraries, as far as they are the same. */
export type ServerClass = new (options: SMTPServerOptions) => Pick<SMTPServer, "listen" | "close" | "server">;

/** What came of one step: the replies to it, and what a hook was given because of it. */
export interface Heard {
  readonly sent: string;
  readonly replies: string;
  readonly seen: string;
}

/** Hooks that answer by what they are given, and write it down. */
function hooks(seen: (text: string) => void): SMTPServerOptions {
  const judge = (address: string): Error | undefined => {
    const [local] = address.split("@");
    if (local === "refused") return new Error("not you");
    if (local === "later") return Object.assign(new Error("later"), { responseCode: 451 });
    if (local === "odd") return Object.assign(new Error("two\r\nlines"), { responseCode: 250 });
    return undefined;
  };
  return {
    onAuth(auth, _session, callback) {
      const { method, username, password, authcid, authzid, accessToken } = auth;
      seen(JSON.stringify({ method, username, password, authcid, authzid, accessToken }));
      const isRight =
        method === "CRAM-MD5" ? auth.validatePassword("p") : password === "p" || accessToken === "p";
      if (username === "error") return callback(new Error("no such user"));
      if (username === "busy") return callback(Object.assign(new Error("busy"), { responseCode: 454 }));
      callback(null, isRight ? { user: username } : method === "XOAUTH2" ? { data: { status: "401" } } : {});
    },
    onMailFrom(address, { envelope }, callback) {
      seen(JSON.stringify({ mail: address, ...envelope, mailFrom: undefined, rcptTo: undefined }));
      callback(judge(address.address));
    },
    onRcptTo(address, _session, callback) {
      seen(JSON.stringify({ rcpt: address }));
      callback(judge(address.address));
    },
    onData(stream, session, callback) {
      let text = "";
      (stream as Readable).on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      stream.on("error", () => {});
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const to = rcptTo.map(({ address }) => address);
        seen(
          JSON.stringify({
            text,
            over: stream.sizeExceeded,
            from: mailFrom && mailFrom.address,
            to,
            transaction: session.transaction,
            type: session.transmissionType,
          }),
        );
        if (text.startsWith("refuse")) return callback(new Error("not this"));
        if (text.startsWith("each"))
          return callback(
            null,
            to.map((_address, i) => (i % 2 ? new Error("not for you") : `kept ${i}`)),
          );
        callback(null, text.startsWith("as") ? "kept as 1" : undefined);
      });
    },
  };
}

/** Milliseconds after which a server is taken to have nothing to say. */
const SILENCE = 3000;

const REPLY = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\r\n/;

/** Challenges are random. The two attributes of XCLIENT that only this library has are in each of its EHLO replies. */
const stable = (text: string): string =>
  text.replaceAll(/^334 P[A-P]\S{40,}/gm, "334 <challenge>").replace(/(XCLIENT .*) DESTADDR DESTPORT/, "$1");

/**
 * Starts a server and plays one client to it.
 * @param client steps: lines without their CRLF; `2>…` waits for two replies
 */
export async function playOne(
  Server: ServerClass,
  options: SMTPServerOptions,
  client: readonly string[],
): Promise<Heard[]> {
  let seen: string[] = [];
  const server = new Server({ ...hooks((text) => seen.push(text)), ...options });
  (server as unknown as NodeJS.EventEmitter).on("error", () => {});
  server.listen(0, "127.0.0.1");
  if (!server.server.listening) await once(server.server, "listening");
  const socket = connect((server.server.address() as AddressInfo).port, "127.0.0.1");
  let text = "";
  let over = false;
  let wake = (): void => {};
  socket.setEncoding("latin1").on("data", (chunk) => ((text += String(chunk)), wake()));
  for (const event of ["end", "error", "close"]) socket.on(event, () => ((over = true), wake()));
  const reply = async (): Promise<string> => {
    for (;;) {
      const found = REPLY.exec(text)?.[0];
      if (found) {
        text = text.slice(found.length);
        return stable(found.trimEnd().replaceAll("\r\n", " / "));
      }
      if (over) return text || "(closed)";
      const timer = setTimeout(() => ((over = true), wake()), SILENCE);
      await new Promise<void>((resolve) => (wake = resolve));
      clearTimeout(timer);
    }
  };
  const heard: Heard[] = [];
  const step = async (sent: string, count: number): Promise<void> => {
    seen = [];
    if (sent !== "") socket.write(`${sent}\r\n`, "latin1");
    const replies: string[] = [];
    for (let i = 0; i < count; i++) replies.push(await reply());
    heard.push({ sent, replies: replies.join(" | "), seen: seen.join(" ") });
  };
  await step("", 1);
  for (const line of client) {
    const [, count, sent] = /^(?:(\d)>)?([\s\S]*)$/.exec(line) ?? [];
    await step(sent ?? "", Number(count ?? 1));
    if (heard.at(-1)?.replies.includes("(closed)")) break;
  }
  socket.destroy();
  await new Promise<void>((resolve) => server.close(resolve));
  return heard;
}
