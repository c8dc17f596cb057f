import type { AuthObject, AuthResponse } from "./auth.js";
import type { SMTPErrorLike } from "./error.js";
import type { SMTPAddress, SMTPSession } from "./session.js";
import type { SMTPServerAddress, SMTPServerSession } from "./smtp-server.js";
import type { SecuredSocket } from "./socket.js";
import type { DataStream } from "./stream.js";

type HookResult = any;

/** Answers a hook: an error refuses, none accepts. The first answer wins. */
export type HookCallback = (error?: SMTPErrorLike | null) => void;
/** A hook as a method is: a parameter may be annotated with a narrower type than it has here. */
type Method<Parameters extends unknown[]> = { hook(...parameters: Parameters): HookResult }["hook"];
/**
 * A hook in two forms. In the first are our names: a parameter without an annotation has its type from there.
 * In the second are those of smtp-server, for parameters that are annotated with a type made of one of them:
 * `SMTPServerSession & { tenant: string }` is no kind of SMTPSession. Two signatures that differ in their type
 * parameters are what keeps the second from having a say about a parameter without an annotation.
 */
type Hook<Ours extends unknown[], Theirs extends unknown[]> = Method<Ours> | Annotated<Ours, Theirs>;
type Annotated<Ours extends unknown[], Theirs extends unknown[]> = {
  hook(...parameters: Theirs): HookResult;
  hook<P extends Ours>(...parameters: P): HookResult;
}["hook"];

/** {@link SMTPServerOptions.onConnect} */
export type OnConnectCallback = Hook<
  [session: SMTPSession, callback: HookCallback],
  [session: SMTPServerSession, callback: HookCallback]
>;
/** {@link SMTPServerOptions.onSecure} */
export type OnSecureCallback = Hook<
  [socket: SecuredSocket, session: SMTPSession, callback: HookCallback],
  [socket: SecuredSocket, session: SMTPServerSession, callback: HookCallback]
>;
/** What onHelo may answer. */
export interface HeloResponse {
  /**
   * Lines that are added to the reply to EHLO or LHLO, each a keyword and its parameters: `"MT-PRIORITY MIXER"`. What
   * is no `ehlo-keyword` with `ehlo-param`s (RFC 5321 section 4.1.1.1) gets 451 and is reported as an error.
   */
  keywords?: readonly string[] | null | undefined;
}
/** Answers onHelo: an error refuses, none accepts, with the extensions of the application. */
export type HeloCallback = (error?: SMTPErrorLike | null, response?: HeloResponse | null) => void;
/** {@link SMTPServerOptions.onHelo} */
export type OnHeloCallback = Hook<
  [session: SMTPSession, callback: HeloCallback],
  [session: SMTPServerSession, callback: HeloCallback]
>;
/** Answers onAuth: an error refuses, a response with a `user` lets the client in. */
export type AuthCallback = (error: SMTPErrorLike | null | undefined, response?: AuthResponse) => void;
/** {@link SMTPServerOptions.onAuth} */
export type OnAuthCallback = Hook<
  [auth: AuthObject, session: SMTPSession, callback: AuthCallback],
  [auth: AuthObject, session: SMTPServerSession, callback: AuthCallback]
>;
/** {@link SMTPServerOptions.onMailFrom} */
export type OnMailFromCallback = Hook<
  [address: SMTPAddress, session: SMTPSession, callback: HookCallback],
  [address: SMTPServerAddress, session: SMTPServerSession, callback: HookCallback]
>;
/** {@link SMTPServerOptions.onRcptTo} */
export type OnRcptToCallback = OnMailFromCallback;
/** One recipient's result of an LMTP message: a text accepts, an Error refuses. */
export type DataResult = string | Error;
/** Answers onData: an error refuses, none accepts, with the text of the reply or, for LMTP, one for each recipient. */
export type DataCallback = (
  error?: SMTPErrorLike | null,
  message?: string | readonly (DataResult | undefined)[],
) => void;
/** {@link SMTPServerOptions.onData} */
export type OnDataCallback = Hook<
  [stream: DataStream, session: SMTPSession, callback: DataCallback],
  [stream: DataStream, session: SMTPServerSession, callback: DataCallback]
>;
/** {@link SMTPServerOptions.onClose} */
export type OnCloseCallback = Hook<
  [session: SMTPSession, callback: HookCallback],
  [session: SMTPServerSession, callback: HookCallback]
>;
