import type { AuthObject, AuthResponse } from "./auth.js";
import type { SMTPErrorLike } from "./error.js";
import type { SMTPAddress, SMTPSession } from "./session.js";
import type { SMTPServerAddress, SMTPServerAuthentication, SMTPServerSession } from "./smtp-server.js";
import type { SecuredSocket } from "./socket.js";
import type { DataStream } from "./stream.js";

/** Whatever a hook returns that answers by its callback: a timer, a stream, a number. */
interface NotAPromise {
  toString(): string;
  then?: never;
}
/** What a hook returns: a promise of its answer, or anything else. */
export type HookReturn<Answer> =
  void | null | undefined | NotAPromise | Promise<Answer> | PromiseLike<Answer>;
/** What the promise of onConnect, onSecure, onMailFrom and onRcptTo resolves with: to resolve is to accept, an error refuses. */
export type AcceptAnswer = void;
/** What the promise of onHelo resolves with: nothing, or the extensions of the application. */
export type HeloAnswer = HeloResponse | null | void;
/** What the promise of onAuth resolves with; nothing, or no `user`, is a failed login. */
export type AuthAnswer = AuthResponse | null | void;
/** What the promise of onData resolves with: the text of the reply, in LMTP one for each recipient. */
export type DataAnswer = string | readonly (DataResult | null | undefined)[] | null | void;

/** Answers a hook: an error refuses, none accepts. The first answer wins. */
export type HookCallback = (error?: SMTPErrorLike | null) => void;
/** A hook as a method is: a parameter may be annotated with a narrower type than it has here. */
type Method<Parameters extends unknown[], Answer> = {
  hook(...parameters: Parameters): HookReturn<Answer>;
}["hook"];
/**
 * A hook in two forms. In the first are our names: a parameter without an annotation has its type from there.
 * In the second are those of smtp-server, for parameters that are annotated with a type made of one of them:
 * `SMTPServerSession & { tenant: string }` is no kind of SMTPSession. Two signatures that differ in their type
 * parameters are what keeps the second from having a say about a parameter without an annotation.
 */
type Hook<Ours extends unknown[], Theirs extends unknown[], Answer> =
  Method<Ours, Answer> | Annotated<Ours, Theirs, Answer>;
/**
 * The same as an option, which a program may also call. `void &` keeps the first form for parameters without an
 * annotation, while no function is one: `options.onRcptTo!(…)` is a call of the second form, which takes both kinds
 * of sessions.
 */
type HookOption<Ours extends unknown[], Theirs extends unknown[], Answer> =
  (void & Method<Ours, Answer>) | Annotated<Ours, Theirs, Answer>;
type Annotated<Ours extends unknown[], Theirs extends unknown[], Answer> = {
  hook(...parameters: Theirs): HookReturn<Answer>;
  hook<P extends Ours>(...parameters: P): HookReturn<Answer>;
}["hook"];

// `| undefined`, so that a hook may declare such a parameter as an optional one of our type.
type TheirSession = SMTPServerSession | undefined;
type TheirAddress = SMTPServerAddress | undefined;
type TheirCredentials = AuthObject | SMTPServerAuthentication | undefined;

type OurClient = [session: SMTPSession, callback: HookCallback];
type TheirClient = [session: TheirSession, callback: HookCallback];
type OurSecured = [socket: SecuredSocket, session: SMTPSession, callback: HookCallback];
type TheirSecured = [socket: SecuredSocket, session: TheirSession, callback: HookCallback];
type OurHelo = [session: SMTPSession, callback: HeloCallback];
type TheirHelo = [session: TheirSession, callback: HeloCallback];
type OurAuth = [auth: AuthObject, session: SMTPSession, callback: AuthCallback];
type TheirAuth = [auth: TheirCredentials, session: TheirSession, callback: AuthCallback];
type OurPath = [address: SMTPAddress, session: SMTPSession, callback: HookCallback];
type TheirPath = [address: TheirAddress, session: TheirSession, callback: HookCallback];
type OurData = [stream: DataStream, session: SMTPSession, callback: DataCallback];
type TheirData = [stream: DataStream, session: TheirSession, callback: DataCallback];

/** {@link SMTPServerOptions.onConnect}, as the option is typed: to be called with a session of either kind. */
export type OnConnectOption = HookOption<OurClient, TheirClient, AcceptAnswer>;
/** {@link SMTPServerOptions.onSecure} as an option. */
export type OnSecureOption = HookOption<OurSecured, TheirSecured, AcceptAnswer>;
/** {@link SMTPServerOptions.onHelo} as an option. */
export type OnHeloOption = HookOption<OurHelo, TheirHelo, HeloAnswer>;
/** {@link SMTPServerOptions.onAuth} as an option. */
export type OnAuthOption = HookOption<OurAuth, TheirAuth, AuthAnswer>;
/** {@link SMTPServerOptions.onMailFrom} as an option. */
export type OnMailFromOption = HookOption<OurPath, TheirPath, AcceptAnswer>;
/** {@link SMTPServerOptions.onRcptTo} as an option. */
export type OnRcptToOption = OnMailFromOption;
/** {@link SMTPServerOptions.onData} as an option. */
export type OnDataOption = HookOption<OurData, TheirData, DataAnswer>;
/** {@link SMTPServerOptions.onClose} as an option. */
export type OnCloseOption = HookOption<OurClient, TheirClient, unknown>;

/** {@link SMTPServerOptions.onConnect} */
export type OnConnectCallback = Hook<OurClient, TheirClient, AcceptAnswer>;
/** {@link SMTPServerOptions.onSecure} */
export type OnSecureCallback = Hook<OurSecured, TheirSecured, AcceptAnswer>;
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
export type OnHeloCallback = Hook<OurHelo, TheirHelo, HeloAnswer>;
/** Answers onAuth: an error refuses, a response with a `user` lets the client in. */
export type AuthCallback = (error: SMTPErrorLike | null | undefined, response?: AuthResponse) => void;
/** {@link SMTPServerOptions.onAuth} */
export type OnAuthCallback = Hook<OurAuth, TheirAuth, AuthAnswer>;
/** {@link SMTPServerOptions.onMailFrom} */
export type OnMailFromCallback = Hook<OurPath, TheirPath, AcceptAnswer>;
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
export type OnDataCallback = Hook<OurData, TheirData, DataAnswer>;
/** {@link SMTPServerOptions.onClose} */
export type OnCloseCallback = Hook<OurClient, TheirClient, unknown>;
