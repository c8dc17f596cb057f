import type { LoggedClient } from "./logger.js";
import type { Settings } from "./options.js";
import type { ConnectionInfo, ProxyInfo, SMTPEnvelope, SMTPSession, TLSCipherInfo } from "./types/index.js";
import { standardCipherName } from "./wire/cipher-name.js";
import { toLowerASCII } from "./wire/text.js";

const ID_DIGITS = Buffer.from("0123456789abcdefghijklmnopqrstuv");
const ID_LENGTH = 16;
/** Random digits for the next ids, made for many ids at a time. */
const pool = Buffer.allocUnsafeSlow(4096);
let used = pool.length;

/** A session id: 80 random bits as 16 characters of 0-9 and a-v. */
export function sessionId(): string {
  if (used + ID_LENGTH > pool.length) {
    crypto.getRandomValues(pool);
    for (let i = 0; i < pool.length; i++) pool[i] = ID_DIGITS[(pool[i] as number) & 31] as number;
    used = 0;
  }
  return pool.toString("latin1", used, (used += ID_LENGTH));
}

/** The four addresses of a connection, as the socket or the PROXY header gives them. */
export interface Endpoints {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The other contents of the PROXY header. */
  readonly proxy?: ProxyInfo;
}

/** Makes the session of a new connection. As in smtp-server, the fields of HELO are `false` until the client sends it. */
export function createSession(settings: Settings, endpoints: Endpoints, secure: boolean): SMTPSession {
  const { localAddress, localPort, remoteAddress, remotePort, proxy } = endpoints;
  const session = {
    id: sessionId(),
    secure,
    localAddress,
    localPort,
    remoteAddress,
    remotePort,
    clientHostname: "",
    openingCommand: false,
    hostNameAppearsAs: false,
    transmissionType: "",
    tlsOptions: false,
    user: undefined,
    transaction: 1,
    envelope: emptyEnvelope(settings),
    xClient: new Map(),
    xForward: new Map(),
  } as unknown as SMTPSession;
  if (proxy) session.proxy = proxy;
  updateTransmissionType(session, settings);
  if (secure && settings.raw.secured && endpoints.proxy) enterProxyTLS(session, endpoints.proxy);
  return session;
}

/** With `secured`: stores the facts of the TLS session that the proxy ends. */
function enterProxyTLS(session: SMTPSession, { authority, ssl }: ProxyInfo): void {
  if (authority !== undefined) session.servername = authority;
  if (ssl === undefined) return;
  const { cipher: name = "", version = "" } = ssl;
  session.tlsOptions = { name, standardName: standardCipherName(name), version };
}

/** Makes the envelope of a new transaction. */
export function emptyEnvelope(settings: Settings): SMTPEnvelope {
  const envelope: SMTPEnvelope = {
    mailFrom: false,
    rcptTo: [],
    requireTLS: false,
    bodyType: "7bit",
    smtpUtf8: false,
  };
  if (!settings.hideDSN) envelope.dsn = { ret: null, envid: null };
  return envelope;
}

/** Updates `transmissionType` (RFC 3848). Call it after a change of `openingCommand`, `secure` or `user`. */
export function updateTransmissionType(session: SMTPSession, settings: Settings): void {
  session.transmissionType = transmissionType(session, session.openingCommand, session.user, settings);
}

function transmissionType(
  { secure }: SMTPSession,
  openingCommand: string,
  user: unknown,
  settings: Settings,
): string {
  const protocol = settings.lmtp ? "LMTP" : openingCommand === "EHLO" ? "ESMTP" : "SMTP";
  return `${protocol}${secure ? "S" : ""}${user ? "A" : ""}`;
}

/** Stores HELO, EHLO or LHLO and its argument. If an option is a getter that throws, nothing is stored. */
export function enterHello(
  session: SMTPSession,
  openingCommand: string,
  hostName: string,
  settings: Settings,
): void {
  session.transmissionType = transmissionType(session, openingCommand, session.user, settings);
  session.openingCommand = openingCommand;
  session.hostNameAppearsAs = toLowerASCII(hostName);
}

/** Stores the user of a login. If an option is a getter that throws, nothing is stored. */
export function enterUser(session: SMTPSession, user: SMTPSession["user"], settings: Settings): void {
  session.transmissionType = transmissionType(session, session.openingCommand, user, settings);
  session.user = user;
}

/** Stores the results of a TLS handshake. */
export function enterTLS(
  session: SMTPSession,
  settings: Settings,
  { cipher, servername }: { readonly cipher: TLSCipherInfo; readonly servername: string | false },
): void {
  session.secure = true;
  session.tlsOptions = cipher;
  session.servername = servername;
  updateTransmissionType(session, settings);
}

/** Discards everything learned in plaintext before STARTTLS (RFC 3207 4.2), except the endpoints. */
export function forgetPlaintext(session: SMTPSession, endpoints: Endpoints, clientHostname: string): void {
  session.xClient.clear();
  session.xForward.clear();
  session.localAddress = endpoints.localAddress;
  session.localPort = endpoints.localPort;
  session.remoteAddress = endpoints.remoteAddress;
  session.remotePort = endpoints.remotePort;
  session.clientHostname = clientHostname;
  session.user = false;
  Object.assign(session, { openingCommand: false, hostNameAppearsAs: false });
}

/** The argument of the `connect` event. */
export function connectionInfo(session: SMTPSession): ConnectionInfo {
  const { id, localAddress, localPort, remoteAddress, remotePort } = session;
  const { hostNameAppearsAs, clientHostname } = session;
  return { id, localAddress, localPort, remoteAddress, remotePort, hostNameAppearsAs, clientHostname };
}

/** The fields of a log entry about a client. */
export function loggedClient(
  session: Pick<SMTPSession, "id" | "remoteAddress" | "remotePort">,
): LoggedClient {
  const { id, remoteAddress, remotePort } = session;
  return { cid: id, host: remoteAddress, port: remotePort };
}

/** The session's user for a log entry: its `username`, or the user itself if it has none. */
export function userName(session: SMTPSession): unknown {
  const user: unknown = session.user;
  return typeof user === "object" && user !== null && "username" in user ? user.username : user;
}

/** Stores the client's host name in lower case without a final dot; `[address]` for an empty name. */
export function setClientHostname(session: SMTPSession, name: string): void {
  const hostname = toLowerASCII(name);
  session.clientHostname =
    (hostname.endsWith(".") ? hostname.slice(0, -1) : hostname) || `[${session.remoteAddress}]`;
}
