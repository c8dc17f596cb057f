/**
 * What programs typed against smtp-server 3.21's own declarations and against `@types/smtp-server` 3.5
 * write. It is not run: that it compiles is the test. They say "smtp-server" where this says "bun-smtp".
 */
import type { AddressInfo, Server, Socket } from "node:net";
import type { PassThrough, Readable, Writable } from "node:stream";
import type { SecureContext, TlsOptions, TLSSocket } from "node:tls";
import { callbackify } from "node:util";
import library, {
  SMTPServer,
  type ms,
  type SMTPServerAddress,
  type SMTPServerAddressArgs,
  type SMTPServerAuthentication,
  type SMTPServerAuthenticationMethod,
  type SMTPServerAuthenticationResponse,
  type SMTPServerConnectionInfo,
  type SMTPServerDataResult,
  type SMTPServerDataStream,
  type SMTPServerEnvelope,
  type SMTPServerEnvelopeDSN,
  type SMTPServerError,
  type SMTPServerEvents,
  type SMTPServerOptions,
  type SMTPServerRecipientDSN,
  type SMTPServerResolver,
  type SMTPServerSession,
} from "bun-smtp";

declare module "bun-smtp" {
  interface SMTPServerSession {
    /** Programs add fields of their own. */
    tenant?: { id: number };
  }
}

type Done = (error?: Error | null) => void;

// ---- everything by name ---------------------------------------------------------------------------

const timeout: ms = 1000;
const method: SMTPServerAuthenticationMethod = "PLAIN";
const resolver: SMTPServerResolver = { reverse: (ip, callback) => callback(null, [ip]) };
const result: SMTPServerDataResult[] = ["kept", new Error("full")];
const dsn: SMTPServerEnvelopeDSN = { ret: "FULL", envid: null };
const recipientDSN: SMTPServerRecipientDSN = { notify: ["NEVER"] };
const event: SMTPServerEvents["connect"] = [{} as SMTPServerConnectionInfo];

const tls: TlsOptions = { key: "", cert: "", handshakeTimeout: 1000, rejectUnauthorized: true };
export const hasLeft = ({ signal }: SMTPServerSession): boolean => signal?.aborted ?? false;
const options: SMTPServerOptions = {
  ...tls,
  secure: true,
  name: "mx",
  banner: "hello",
  size: 1000,
  authMethods: ["PLAIN", "CRAM-MD5"],
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  allowInsecureAuth: true,
  logger: true,
  lmtp: false,
  socketTimeout: timeout,
  closeTimeout: timeout,
  maxAllowedUnauthenticatedCommands: false,
  resolver,
  useProxy: ["127.0.0.1"],
  ignoredHosts: ["10.0.0.1"],
  sniOptions: { "a.test": tls },
  SNICallback: (servername: string, callback: (error: Error | null, context?: SecureContext) => void) =>
    callback(servername ? null : new Error("no name")),
  pauseOnConnect: false,
  noDelay: true,
  onAuth(auth: SMTPServerAuthentication, session: SMTPServerSession, callback) {
    const login = (user?: string, password?: string): boolean => user === password;
    if (auth.method === "XOAUTH2" && auth.accessToken) return callback(null, { data: { status: "401" } });
    if (auth.method === "CRAM-MD5" && !auth.validatePassword("secret")) return callback(new Error("no"));
    if (!login(auth.username, auth.password)) return callback(new Error(`${auth.method} ${session.id}`));
    const response: SMTPServerAuthenticationResponse = { user: { id: 1 } };
    callback(null, response);
  },
  onConnect(session: SMTPServerSession, callback: (error?: Error) => void) {
    session.tenant = { id: 1 };
    callback(session.remoteAddress === "127.0.0.1" ? new Error("no localhost") : undefined);
  },
  onSecure(socket: Socket | TLSSocket, session, callback) {
    callback("getCipher" in socket && session.servername !== "a.test" ? new Error("no") : null);
  },
  onMailFrom(address: SMTPServerAddress, session, callback) {
    if (!address.args) return callback();
    const args: SMTPServerAddressArgs = address.args;
    const { tenant } = session;
    callback(tenant && parseInt(args["SIZE"] as string, 10) > 10 ? new Error("too much") : null);
  },
  onRcptTo({ address, dsn: wish }, session, callback) {
    const { mailFrom } = session.envelope;
    const sender: string | undefined = mailFrom && "address" in mailFrom ? mailFrom.address : undefined;
    callback(sender === address && wish?.notify?.includes("NEVER") ? new Error("loop") : undefined);
  },
  onData(stream, session, callback) {
    stream.pipe(process.stdout);
    stream.once("end", () => {
      let error: (Error & { responseCode?: number }) | undefined;
      if (stream.sizeExceeded) {
        error = new Error(`too large: ${stream.byteLength}`);
        error.responseCode = 552;
      }
      callback(error, `kept as ${session.id}`);
    });
  },
  onClose(session) {
    console.log(session.user.name, session.tlsOptions && session.tlsOptions.version);
  },
};

// ---- handlers that stand alone, arrow functions, parameters that are left out -----------------------

const onData = (stream: SMTPServerDataStream, _session: SMTPServerSession, callback: Done): void => {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", callback);
  stream.on("end", () => callback());
};
const readable = (stream: Readable, target: Writable): Writable => stream.pipe(target);
const passThrough = (stream: PassThrough): PassThrough => stream.setEncoding("utf8");
async function collect(stream: SMTPServerDataStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export const servers: SMTPServer[] = [
  new SMTPServer(),
  new SMTPServer(null),
  new SMTPServer(options),
  new SMTPServer({ onData }),
  new SMTPServer({ onData: (stream) => readable(stream, process.stdout) }),
  new SMTPServer({ onData: (stream: PassThrough) => passThrough(stream) }),
  new SMTPServer({
    async onData(stream, _session, callback) {
      callback(null, await collect(stream));
    },
  }),
  new SMTPServer({
    lmtp: true,
    onData: (stream, session, callback) => {
      stream.resume();
      callback(
        null,
        session.envelope.rcptTo.map(({ address }) => (address === "a@a" ? new Error("full") : "kept")),
      );
      callback(null, result);
    },
  }),
  new library.SMTPServer({ onAuth: (_auth, _session, callback) => callback(new Error("no")) }),
];

// ---- a session, or an address, with fields of the program's own that are not optional ------------------

interface Visit extends SMTPServerSession {
  since: Date;
  user?: string;
}
interface Mailbox extends SMTPServerAddress {
  domain: string;
}
class Policy {
  onConnect(session: Visit, callback: Done): void {
    session.since = new Date();
    callback();
  }
}
const policy = new Policy();

export const extended: SMTPServer[] = [
  new SMTPServer({
    onConnect: policy.onConnect,
    onSecure: (_socket, session: Visit, callback: Done) => callback(session.since ? null : new Error("no")),
    onAuth: (auth: SMTPServerAuthentication, session: Visit, callback) =>
      callback(null, { user: auth.username ?? session.user }),
    onMailFrom(address: Mailbox, session: SMTPServerSession & { meta: { domain: string } }, callback) {
      session.meta = { domain: address.domain };
      callback();
    },
    onRcptTo(address, session: SMTPServerSession & { envelope: { score: number } }, callback) {
      callback(session.envelope.score > address.address.length ? new Error("no") : null);
    },
    onData: callbackify(async (stream: SMTPServerDataStream, session: Visit) => {
      for await (const chunk of stream) console.log(session.since, chunk);
    }),
    onClose: (session: Visit) => console.log(session.since),
  }),
  // @ts-expect-error What is no session is an error all the same.
  new SMTPServer({ onMailFrom: (_address, _session: { domain: number }, callback: Done) => callback() }),
];

// ---- hooks as types of functions ------------------------------------------------------------------------

declare function mock<T extends (...args: any[]) => any>(made: T): Mock<T>;
interface Mock<T extends (...args: any[]) => any> {
  (...args: Parameters<T>): ReturnType<T>;
  readonly calls: Parameters<T>[];
}
const login = mock<NonNullable<SMTPServerOptions["onAuth"]>>((auth, _session, callback) =>
  callback(null, { user: auth.username }),
);
type DataArguments = Parameters<NonNullable<SMTPServerOptions["onData"]>>;
const print = (stream: DataArguments[0], session: DataArguments[1], callback: DataArguments[2]): void => {
  stream.pipe(process.stdout);
  callback(null, `kept as ${session.id}`);
};

export function call(
  hooks: SMTPServerOptions,
  stream: DataArguments[0],
  session: DataArguments[1],
): (string | undefined)[] {
  hooks.onConnect?.(session, () => {});
  hooks.onRcptTo!({ address: "a@a", args: {} }, session, (error?: Error | null) => error);
  hooks.onData?.bind(hooks)(stream, session, () => {});
  if (hooks.onMailFrom) hooks.onMailFrom({ address: "a@a", args: false }, session, () => {});
  return login.calls.map(([, { id }]) => id);
}
/** A wrapper that is typed with smtp-server's names alone. */
export function wrap(hooks: SMTPServerOptions): SMTPServerOptions {
  return {
    ...hooks,
    onAuth(given: SMTPServerAuthentication, session: SMTPServerSession, callback) {
      return hooks.onAuth!(given, session, callback);
    },
    onRcptTo(address: SMTPServerAddress, session: SMTPServerSession, callback) {
      console.log(session.tenant?.id);
      return hooks.onRcptTo!(address, session, callback);
    },
    onConnect: (session: SMTPServerSession, callback) => hooks.onConnect?.(session, callback),
  };
}
export const mocked: SMTPServerOptions = { onAuth: login, onData: print };

// ---- a subclass --------------------------------------------------------------------------------------

export class Catcher extends SMTPServer {
  readonly messages: string[] = [];

  constructor(given: SMTPServerOptions = {}) {
    super({ ...given, authOptional: true });
    this.once("close", () => this.messages.splice(0));
  }

  override onAuth(
    auth: SMTPServerAuthentication,
    session: SMTPServerSession,
    callback: (error: Error | null | undefined, response?: SMTPServerAuthenticationResponse) => void,
  ): void {
    super.onAuth(auth, session, callback);
  }
  override onConnect(session: SMTPServerSession, callback: Done): void {
    super.onConnect(session, callback);
  }
  override onSecure(socket: TLSSocket, session: SMTPServerSession, callback: Done): void {
    if (socket.authorized) return callback();
    if (socket.encrypted) socket.destroy();
    callback(new Error(session.id));
  }
  override onMailFrom(address: SMTPServerAddress, session: SMTPServerSession, callback: Done): void {
    super.onMailFrom(address, session, callback);
  }
  override onRcptTo(address: SMTPServerAddress, session: SMTPServerSession, callback: Done): void {
    super.onRcptTo(address, session, callback);
  }
  override onData(stream: SMTPServerDataStream, session: SMTPServerSession, callback: Done): void {
    super.onData(stream, session, callback);
  }
  override onClose(session: SMTPServerSession): void {
    super.onClose(session);
  }
}

// ---- the server ----------------------------------------------------------------------------------------

export async function drive(server: SMTPServer): Promise<void> {
  const listener: Server = server.listen(0, "127.0.0.1", 10, () => {});
  const listeners: Server[] = [
    server.server,
    server.listen(),
    server.listen(0),
    server.listen(0, () => {}),
    server.listen(0, "::1", () => {}),
    server.listen(0, 10, () => {}),
    server.listen({ port: 0, host: "127.0.0.1", exclusive: true }, () => {}),
  ];
  server.listen("/tmp/smtp.sock", () => {});
  listener.on("error", (error: NodeJS.ErrnoException) => console.log(error.code)).on("listening", () => {});
  const { port } = server.server.address() as AddressInfo;
  server.server.once("listening", () => console.log(port, listeners.length)).unref();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "localhost", resolve);
  });
  await new Promise((resolve) => server.listen(0, undefined, undefined, () => resolve(null)));

  server.on("error", (error) => console.error(error.message));
  server.on("error", (error: NodeJS.ErrnoException) => console.error(error.code));
  server.on("error", (error: SMTPServerError) => console.error(error.responseCode));
  server.on("error", (error: any) => console.error(error.remoteAddress));
  server.on("connect", (info: SMTPServerConnectionInfo) => console.log(info.clientHostname));
  server.once("close", () => {}).addListener("an event of our own", (value: number) => value);
  server.emit("connect", ...event);
  server.emit("close");

  server.updateSecureContext(tls);
  server.updateSecureContext({ key: "", cert: "" });
  server.options.authOptional = !server.options.authMethods.includes("PLAIN");
  server.options.disabledCommands.push("HELP");
  server.logger.info("a text");
  server.logger.error({ tnx: "x", err: new Error("x") }, "%s happened", "x");
  for (const connection of server.connections) {
    connection.send(421, `bye ${connection.session.id} ${connection.id}`);
    connection._socket.write("x");
    connection._socket.once("close", () => {}).end("421 bye\r\n");
    connection._socket.end();
    connection._socket.destroy();
    connection.close();
  }
  await new Promise<void>((resolve) => server.close(resolve));
  await new Promise<void>((resolve) => server.close(() => resolve()));
  server.close(undefined);
  server.close();
}

/** What tests make by hand. */
export const envelope: SMTPServerEnvelope = {
  mailFrom: { address: "a@a", args: { SIZE: "1", SMTPUTF8: true } },
  rcptTo: [{ address: "b@b", args: false, dsn: recipientDSN }],
  dsn,
};
export const auth: SMTPServerAuthentication = {
  method,
  username: "u",
  password: "p",
  validatePassword: () => true,
};
