/** Programs typed with the names of the bun-smtp documentation. Not run: that it compiles is the test. */
import {
  SMTPError,
  SMTPServer,
  type AuthObject,
  type AuthResponse,
  type ConnectionInfo,
  type DataStream,
  type DSNEnvelope,
  type DSNRcpt,
  type OnAuthCallback,
  type OnCloseCallback,
  type OnConnectCallback,
  type OnDataCallback,
  type HeloResponse,
  type OnHeloCallback,
  type OnMailFromCallback,
  type OnRcptToCallback,
  type OnSecureCallback,
  type SMTPAddress,
  type SMTPAddressArgs,
  type SMTPEnvelope,
  type SMTPServerOptions,
  type SMTPSession,
  type TLSCipherInfo,
} from "bun-smtp";

const onConnect: OnConnectCallback = (session, callback) =>
  callback(session.remoteAddress === "192.0.2.1" ? new SMTPError("no", { responseCode: 554 }) : null);
const onSecure: OnSecureCallback = (socket, session, callback) => {
  const cipher: TLSCipherInfo | false = session.tlsOptions;
  callback(socket.authorized && cipher && socket.getProtocol() === cipher.version ? null : new Error("no"));
};
const onHelo: OnHeloCallback = async ({ openingCommand }): Promise<HeloResponse> => ({
  keywords: openingCommand === "EHLO" ? ["MT-PRIORITY MIXER"] : [],
});
const onAuth: OnAuthCallback = (auth, _session, callback) => {
  const response: AuthResponse = { user: auth.username, credentials: { password: "secret" } };
  callback(null, known(auth) ? response : {});
};
const known = (auth: AuthObject): boolean => auth.method === "PLAIN" && auth.password === "secret";
const onMailFrom: OnMailFromCallback = async (address) => {
  const args: SMTPAddressArgs | false = address.args;
  const size: string | undefined = args ? args.SIZE : undefined;
  if (Number(size) > 1000) throw new SMTPError("too large", { responseCode: 552, enhancedCode: "5.3.4" });
};
const onRcptTo: OnRcptToCallback = async ({ address, dsn }: SMTPAddress) => {
  const wish: DSNRcpt | undefined = dsn;
  if (wish?.orcpt === address) throw new Error("no");
};
const onData: OnDataCallback = async (stream: DataStream, { envelope }: SMTPSession) => {
  const { dsn, bodyType }: SMTPEnvelope = envelope;
  const wish: DSNEnvelope | undefined = dsn;
  const type: "7bit" | "8bitmime" | "binarymime" = bodyType;
  let octets = 0;
  for await (const chunk of stream) octets += chunk.length;
  return `${type} ${octets} ${stream.byteLength} ${wish?.ret}`;
};
const onClose: OnCloseCallback = (session) => console.log(session.id);
export const fetching: OnRcptToCallback = async ({ address }, { signal }) => {
  if (!(await fetch(`https://directory.test/${address}`, { signal })).ok) throw signal.reason;
};

export const options: SMTPServerOptions = {
  onConnect,
  onSecure,
  onHelo,
  onAuth,
  onMailFrom,
  onRcptTo,
  onData,
  onClose,
};

/** Parameters without an annotation have the types of this package, in an option as in a variable. */
export const plain: SMTPServerOptions = {
  rejectUnknownParameters: true,
  onHelo(session, callback) {
    callback(session.hostNameAppearsAs ? null : new Error("no"), { keywords: ["DELIVERBY"] });
  },
  onMailFrom(address, session, callback) {
    const type: SMTPEnvelope["bodyType"] = session.envelope.bodyType;
    const size: string | undefined = address.args ? address.args.SIZE : undefined;
    callback(type === "binarymime" && size ? new Error("no") : null);
  },
  onData: async (stream, { envelope: { smtpUtf8, requireTLS } }) => {
    const needs: boolean[] = [smtpUtf8, requireTLS];
    return `${needs.join()} ${stream.byteLength}`;
  },
  onClose: ({ tlsOptions }: SMTPSession & { meta: string }) => console.log(tlsOptions),
};

/** The Web side. */
export const readers: OnDataCallback[] = [
  async (stream) => new Response(stream).text(),
  async (stream) => stream.pipeTo(new WritableStream()),
  async (stream) => stream.pipeThrough(new TextDecoderStream()).getReader().read(),
];

export async function serve(): Promise<void> {
  const { signal } = new AbortController();
  await using server = await new SMTPServer(options).listen({ port: 0, hostname: "127.0.0.1", signal });
  server.on("connect", (info: ConnectionInfo) => console.log(info.remoteAddress));
  // Known events have their types, and a program may have events of its own.
  server.once("error", ({ message }) => console.error(message)).on("listening", () => {});
  server.on("quota", (user: string, octets: number) => console.log(user, octets));
  server.emit("quota", "a", 10);
  server.emit("error", new Error("no"));
  // @ts-expect-error an event has the arguments of its type
  server.on("connect", (info: number) => console.log(info));
  // @ts-expect-error and is emitted with them
  server.emit("error", "no");
  server.listen(0).on("error", (error: Error) => console.error(error));
}
