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
  async (stream) => {
    await stream.pipeThrough(new TextDecoderStream()).getReader().read();
  },
];

// ---- what hooks return ------------------------------------------------------------------------------

/** A promise is the answer, and is of what the hook may answer. */
export const answers: SMTPServerOptions[] = [
  { onAuth: async ({ username }) => (username ? { user: username } : undefined) },
  { onAuth: async () => ({ responseCode: 454, message: "later" }) },
  { onAuth: async () => Promise.reject(new Error("no")) },
  { onData: async () => [undefined, "kept", new Error("full")] },
  { onData: (stream) => new Response(stream).arrayBuffer().then(() => "kept") },
  { onMailFrom: async ({ address }) => void address, onClose: async () => 5 },
  { onRcptTo: async (_address, _session, callback) => callback(new Error("no")) },
];
export const noAnswers: SMTPServerOptions[] = [
  // @ts-expect-error a code is no answer to a message
  { onData: async () => 250 },
  {
    // @ts-expect-error the same as a method
    async onData() {
      return 250;
    },
  },
  // @ts-expect-error nor is the message itself
  { onData: (stream) => new Response(stream).arrayBuffer() },
  // @ts-expect-error a login is answered by its user
  { onAuth: async () => true },
  // @ts-expect-error by the name that the field has
  { onAuth: async ({ username }) => ({ username }) },
  // @ts-expect-error a refusal is an error, false accepts
  { onRcptTo: async () => false },
  // @ts-expect-error the same for the others
  { onMailFrom: async () => 550 },
  // @ts-expect-error
  { onConnect: async () => "no" },
  // @ts-expect-error
  { onSecure: async () => ({ responseCode: 554 }) },
];
class Wrong extends SMTPServer {
  // @ts-expect-error the same in a subclass
  override async onData(): Promise<number> {
    return 250;
  }
}
/** What a hook returns that answers by its callback means nothing, unless it is a promise. */
export const returns: SMTPServerOptions[] = [
  { onMailFrom: (_address, _session, callback) => setTimeout(callback, 5) },
  { onMailFrom: (_address, _session, callback) => process.nextTick(callback) },
  { onMailFrom: (_address, _session, callback) => [callback()].length },
  { onMailFrom: (_address, _session, callback) => (callback(), true) },
  { onData: (stream, _session, callback) => stream.on("end", callback).resume() },
  { onData: (stream, _session, callback) => ({ stream, callback }) },
  { onAuth: (_auth, _session, callback): null => (callback(null, {}), null) },
  { onConnect: (_session, callback): any => callback() },
];

// ---- credentials ------------------------------------------------------------------------------------

/** The method says which fields there are. */
export function secretOf(auth: AuthObject): string | undefined {
  const { method, username, password } = auth;
  if (method === "PLAIN" || method === "LOGIN") return `${username.length} ${password.length}`;
  switch (auth.method) {
    case "OAUTHBEARER":
    case "XOAUTH2":
      return auth.accessToken.trim();
    case "CRAM-MD5":
      return auth.challengeResponse.trim();
    case "EXTERNAL":
      return auth.certificate.fingerprint256.trim();
    case "SCRAM-SHA-256":
      return auth.authzid.trim();
  }
  // @ts-expect-error what the others have may be absent
  auth.password.trim();
  // @ts-expect-error there is no such mechanism
  return auth.method === "NTLM" ? undefined : auth.username;
}
export const byMethod: SMTPServerOptions = {
  onAuth: async (auth) =>
    auth.method === "PLAIN" && auth.password.length > 8 ? { user: auth.username } : {},
};
export const wrong: object = new Wrong();

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
