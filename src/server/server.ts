import { EventEmitter } from "node:events";
import { PendingConnection, type PendingTransport } from "../connection/pending-connection.js";
import { Listener, type Listening, withListenerMembers } from "./listener.js";
import { type ListenOptions, parseListenArguments } from "./listen-arguments.js";
import { type FullLogger, log, makeLogger } from "../logger.js";
import { checkOptions, Settings } from "../options.js";
import { MECHANISMS } from "../sasl/index.js";
import { loggedClient } from "../session.js";
import {
  ABORTED,
  abortError,
  CLOSED_BEFORE_LISTENING,
  closedBeforeListening,
  unlessAborted,
} from "./cancelled-listen.js";
import { Context } from "./context.js";
import { DescriptorShortage } from "./descriptor-shortage.js";
import { callSafely, emitSafely } from "./events.js";
import { layered, type OptionsWithLists, setOption, withLists } from "./given-options.js";
import { HookResolver } from "./hook-resolver.js";
import { warnOfMisspelt } from "./misspelt-options.js";
import { bind, type Bound, prepare } from "../transport/bind.js";
import { TLS_OPTIONS } from "../transport/tls-options.js";
import type { Clock, Timer } from "../time/clock.js";
import { canUpgrade, SecureContexts } from "../transport/secure-contexts.js";
import type { SMTPServerAddress, SMTPServerAuthentication, SMTPServerSession } from "../types/smtp-server.js";
import type {
  AcceptAnswer,
  AuthAnswer,
  AuthCallback,
  AuthObject,
  ConnectionInfo,
  DataAnswer,
  DataCallback,
  DataStream,
  HeloAnswer,
  HeloCallback,
  HookCallback,
  HookReturn,
  Logger,
  SecuredSocket,
  SMTPConnection,
  SMTPServerOptions,
  TLSOptions,
} from "../types/index.js";

/** @internal Serves one client on a given transport, so that tests need no network. */
export let accept: (server: SMTPServer, transport: PendingTransport) => void;

/** @internal Sets the clock of a server without clients, so that tests can move its time. */
export let setClock: (server: SMTPServer, clock: Clock) => void;

/** Events of {@link SMTPServer}. */
export interface SMTPServerEvents {
  /** The server listens. */
  listening: [];
  /** The server is closed: all its connections are closed, or `closeTimeout` is over. */
  close: [];
  /**
   * A bind or a TLS handshake failed, a connection broke in the middle of a transaction, or a hook threw; see the error's
   * `code`. Emitted only if it has a listener, so that no client can end the process.
   */
  error: [error: Error];
  /**
   * A client is known. Emitted with its greeting; if `useXClient` or `useXForward` is set, after XCLIENT or XFORWARD, or at
   * MAIL.
   */
  connect: [info: ConnectionInfo];
}

/**
 * An SMTP (RFC 5321) or LMTP (RFC 2033) server. It speaks the protocol, and the application's hooks decide what to accept.
 *
 * @example
 * const server = new SMTPServer({
 *   authOptional: true,
 *   async onData(stream, session) {
 *     console.log(session.envelope.rcptTo, await new Response(stream).text());
 *   },
 * });
 * await server.listen(2525);
 */
export class SMTPServer extends EventEmitter<SMTPServerEvents> implements AsyncDisposable {
  /** The options as they were given, read live. TLS options take effect through {@link updateSecureContext}. */
  readonly options: OptionsWithLists;
  /** The listening socket, with the members of a `net.Server`; it exists before the server listens. */
  readonly server: Listener = new Listener(this);

  /** The open connections. */
  get connections(): Set<SMTPConnection> {
    return this.#context.connections;
  }

  /** Receives the log entries. You may assign another logger; it may lack some methods. */
  get logger(): FullLogger {
    return this.#logger;
  }
  set logger(logger: Logger) {
    this.#logger = logger as FullLogger;
  }

  static {
    accept = (server, transport) => server.#accept(transport);
    setClock = (server, clock) => void (server.#context.clock = clock);
  }

  #logger: FullLogger;
  readonly #settings: Settings;
  readonly #contexts: SecureContexts;
  readonly #context: Context;
  readonly #shortage: DescriptorShortage;
  #closing: PromiseWithResolvers<void> | undefined;
  #closeTimer: Timer | undefined;
  /** Set between `listen` and `listening`. `close()` aborts it. */
  #opening: AbortController | undefined;
  /** Removes the listener of `listen`'s `signal`, which must not close what a later `listen` opens. */
  #forgetSignal: (() => void) | undefined;

  /**
   * Makes a server. It serves clients after {@link listen}.
   *
   * @param options see {@link SMTPServerOptions}. Default: `{}`. The server keeps the object and sees later changes
   * @throws TypeError that names the option, for an invalid value; Error if this Bun cannot serve the TLS that is configured
   */
  constructor(options?: SMTPServerOptions | null) {
    super();
    const given = options ?? {};
    checkOptions(given);
    this.options = withLists(given);
    this.#logger = makeLogger(given.logger, given.component || "smtp-server");
    this.#settings = new Settings(this);
    this.#contexts = new SecureContexts(this.options, (error, servername) => {
      log(
        this.#settings.logger,
        "error",
        { tnx: "sni", servername, err: error },
        "No context for %s: %s",
        servername,
        error.message,
      );
    });
    if (!canUpgrade() && (this.#settings.implicitTLS || this.#contexts.hasCertificate)) {
      throw new Error(
        `Bun ${Bun.version} cannot serve TLS on an accepted socket, which the options secure, key and cert ask for: run "bun upgrade" for 1.4.0 or later`,
      );
    }
    const hooks = new HookResolver(this, SMTPServer.prototype, ACCEPTING);
    this.#context = new Context(this, this.#settings, hooks);
    this.#shortage = new DescriptorShortage(this.#context);
    warnOfMisspelt(given);
    this.#warnOfMechanisms();
  }

  // ---- hooks, to be set as options, assigned, or overridden -----------------------------------------

  /** A client connected. The base accepts. See {@link SMTPServerOptions.onConnect}. */
  onConnect(_session: SMTPServerSession, callback: HookCallback): HookReturn<AcceptAnswer> {
    return callback();
  }
  /** A TLS handshake is done. The base accepts. See {@link SMTPServerOptions.onSecure}. */
  onSecure(
    _socket: SecuredSocket,
    _session: SMTPServerSession,
    callback: HookCallback,
  ): HookReturn<AcceptAnswer> {
    return callback();
  }
  /** HELO, EHLO or LHLO. The base accepts. See {@link SMTPServerOptions.onHelo}. */
  onHelo(_session: SMTPServerSession, callback: HeloCallback): HookReturn<HeloAnswer> {
    return callback();
  }
  /**
   * AUTH. The base refuses with `535 Authentication not implemented`, and lets the LOGIN of XCLIENT pass. See
   * {@link SMTPServerOptions.onAuth}.
   */
  onAuth(
    auth: AuthObject | SMTPServerAuthentication,
    _session: SMTPServerSession,
    callback: AuthCallback,
  ): HookReturn<AuthAnswer> {
    return auth.method === "XCLIENT"
      ? callback(null)
      : callback(null, { message: "Authentication not implemented", responseCode: 535 });
  }
  /** MAIL FROM. The base accepts. See {@link SMTPServerOptions.onMailFrom}. */
  onMailFrom(
    _address: SMTPServerAddress,
    _session: SMTPServerSession,
    callback: HookCallback,
  ): HookReturn<AcceptAnswer> {
    return callback();
  }
  /** RCPT TO. The base accepts. See {@link SMTPServerOptions.onRcptTo}. */
  onRcptTo(
    _address: SMTPServerAddress,
    _session: SMTPServerSession,
    callback: HookCallback,
  ): HookReturn<AcceptAnswer> {
    return callback();
  }
  /** A message. The base reads it to its end, drops it and accepts. See {@link SMTPServerOptions.onData}. */
  onData(stream: DataStream, session: SMTPServerSession, callback: DataCallback): HookReturn<DataAnswer> {
    const dropped = (): void => {
      const text = "There is no onData: %s bytes are accepted and dropped";
      if (!this.#settings.isIgnored(session.remoteAddress))
        log(
          this.#settings.logger,
          "warn",
          { tnx: "message", ...loggedClient(session) },
          text,
          stream.byteLength,
        );
      callback();
    };
    return stream.pipeTo(new WritableStream()).then(dropped, callback);
  }
  /** A connection is closed. See {@link SMTPServerOptions.onClose}. */
  onClose(_session: SMTPServerSession, _callback?: HookCallback): HookReturn<unknown> {
    return undefined;
  }

  // ---- listening ------------------------------------------------------------------------------------

  /**
   * Listens on a port (default: any free one, on all interfaces, IPv4 and IPv6) or a unix socket.
   * Calls the callback and emits `listening`.
   *
   * @returns a promise of this server, bound when it resolves, with the methods of {@link server}. It
   * rejects with Node's `code`, `errno`, `syscall`, `address` and `port`; if `error` has a listener on this
   * server or on the promise, it is emitted too and counts as handled.
   * `close()` before `listening` cancels it: it rejects with `ERR_SERVER_NOT_RUNNING`, which counts as handled,
   * the callback is not called, and no event is emitted. The option `signal` closes the server when it aborts;
   * before `listening` the promise then rejects with an `AbortError`.
   */
  listen(port?: number | string, host?: string, backlog?: number, callback?: () => void): Listening<this>;
  listen(port?: number | string, host?: string, callback?: () => void): Listening<this>;
  listen(port?: number | string, backlog?: number, callback?: () => void): Listening<this>;
  listen(port?: number | string, callback?: () => void): Listening<this>;
  listen(options: ListenOptions, callback?: () => void): Listening<this>;
  listen(...args: unknown[]): Listening<this>;
  listen(...args: unknown[]): Listening<this> {
    const listening = Promise.withResolvers<this>();
    this.#listen(args).then(listening.resolve, (error: Error & { code?: string }) => {
      // As in Node, a program that closes a server before it listens need not handle the rejection.
      const isCancelled = error.code === CLOSED_BEFORE_LISTENING || error.code === ABORTED;
      const emitters = [this.server, this] as EventEmitter[];
      const heard = isCancelled ? [] : emitters.filter((emitter) => emitter.listenerCount("error") > 0);
      // A listener of `error` handles it. Without one, the program must handle the rejection.
      if (isCancelled || heard.length > 0) listening.promise.catch(() => {});
      listening.reject(error);
      for (const emitter of heard) emitSafely(emitter, "error", error);
    });
    return withListenerMembers(listening.promise, this.server);
  }

  async #listen(args: unknown[]): Promise<this> {
    const { target, callback, signal: closing } = parseListenArguments(args);
    if (this.#opening || this.server.listening) {
      const error = new Error("Listen method has been called more than once without closing.");
      throw Object.assign(error, { code: "ERR_SERVER_ALREADY_LISTEN" });
    }
    if (closing?.aborted) throw abortError(closing);
    // First, as one that is none throws.
    if (closing) this.#closeWith(closing);
    const opening = (this.#opening = new AbortController());
    const { signal } = opening;
    const forget = (): void => void (callback && this.server.off("listening", callback));
    if (callback) this.server.once("listening", callback);
    signal.addEventListener("abort", forget);
    try {
      // Wait until the clients of before `close()` are closed, so that it does not close new ones.
      if (this.#closing) await unlessAborted(this.#closing.promise, signal);
      const prepared = prepare(target, signal);
      const ready = prepared instanceof Promise ? await unlessAborted(prepared, signal) : prepared;
      // Other code may have called `close()` in the meantime.
      signal.throwIfAborted();
      this.#opened(
        bind(
          ready,
          () => this.#contexts,
          (transport) => this.#accept(transport),
        ),
      );
      // As in Node, `listening` is emitted later than `listen` returns, so that the program can add a listener.
      await Promise.resolve();
      signal.throwIfAborted();
    } catch (error) {
      // After `close()` all this is already done, and a later `listen` may be under way.
      if (!signal.aborted) {
        forget();
        this.#opening = undefined;
        this.#forgetSignal?.();
        this.server.stop();
      }
      throw error;
    }
    this.#opening = undefined;
    for (const emitter of [this.server, this] as EventEmitter[]) emitSafely(emitter, "listening");
    return this;
  }

  /** Cancels a `listen` that has not emitted `listening` yet. */
  #cancelListen(opening: AbortController, reason: Error = closedBeforeListening()): void {
    this.#opening = undefined;
    this.#forgetSignal?.();
    this.server.stop();
    opening.abort(reason);
  }

  /** Closes the server, or cancels `listen`, when the signal aborts. */
  #closeWith(signal: AbortSignal): void {
    const close = (): void =>
      callSafely(() =>
        this.#opening ? this.#cancelListen(this.#opening, abortError(signal)) : void this.close(),
      );
    signal.addEventListener("abort", close);
    this.#forgetSignal = () => signal.removeEventListener("abort", close);
  }

  /** The bound address and port, the path of a unix socket, or `null` if the server does not listen. */
  address(): ReturnType<Listener["address"]> {
    return this.server.address();
  }

  #accept(transport: PendingTransport): void {
    if (transport.usesReservedDescriptor) this.#shortage.refuse(transport);
    else new PendingConnection(this.#context, transport).begin();
  }

  #opened(bound: Bound): void {
    this.server.opened(bound);
    this.#shortage.warn();
    const { secure, protocol } = this.#settings;
    const { where } = bound;
    const [host, port] = "path" in where ? [where.path, undefined] : [where.host, where.port];
    const at = port === undefined ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const entry = { tnx: "listen", host, port, secure, protocol };
    log(
      this.#settings.logger,
      "info",
      entry,
      "%s%s Server listening on %s",
      secure ? "Secure " : "",
      protocol,
      at,
    );
  }

  // ---- closing --------------------------------------------------------------------------------------

  /**
   * Stops accepting. A message in transfer is finished and gets its reply, and further commands get 421. After `closeTimeout`
   * ms the remaining connections are closed with 421. Then calls the callback and emits `close`. It cancels a `listen`
   * that is under way, without an event.
   *
   * @param callback called without an error when the server is closed, even if it was not open
   * @returns a promise that resolves when the server is closed, even if it was not open; it never rejects
   */
  close(callback: (error?: Error) => void): Promise<void>;
  close(callback?: (() => void) | null): Promise<void>;
  close(callback?: ((error?: Error) => void) | null): Promise<void> {
    if (this.#opening) this.#cancelListen(this.#opening);
    const closing = this.#closing ?? (this.server.listening ? this.#startClosing() : undefined);
    const done = closing?.promise ?? Promise.resolve();
    if (typeof callback === "function") void done.then(() => callSafely(callback));
    return done;
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #startClosing(): PromiseWithResolvers<void> {
    // Read first: if an option is a getter that throws, nothing has changed.
    const { closeTimeout, protocol } = this.#settings;
    const closing = (this.#closing = Promise.withResolvers<void>());
    this.#context.onEmpty = closing.resolve;
    this.#forgetSignal?.();
    this.server.stop();
    for (const client of this.#context.deadlines.list()) client.serverCloses();
    const count = this.connections.size;
    if (count > 0) {
      const text = "Server closing with %s pending connections, waiting %s seconds before terminating";
      log(this.#settings.logger, "info", { tnx: "close" }, text, count, closeTimeout / 1000);
    }
    this.#closeTimer = this.#context.clock.setTimeout(() => this.#closeLeftovers(), closeTimeout);
    void closing.promise.then(() => {
      this.#context.clock.clearTimeout(this.#closeTimer);
      this.#closing = undefined;
      this.#context.onEmpty = undefined;
      log(this.#settings.logger, "info", { tnx: "closed" }, "%s Server closed", protocol);
      for (const emitter of [this.server, this] as EventEmitter[]) emitSafely(emitter, "close");
    });
    if (this.#context.isEmpty) closing.resolve();
    return closing;
  }

  #closeLeftovers(): void {
    for (const connection of [...this.connections]) connection.send(421, "Server shutting down");
    // A closing connection has its own deadline: close() does not wait for a client that does not close its side.
    this.#closing?.resolve();
  }

  // ---- TLS ------------------------------------------------------------------------------------------

  /**
   * Replaces certificates and other TLS options: merges them into {@link options} and makes new secure contexts, also those
   * of `sniOptions`. New handshakes use them, with STARTTLS and with implicit TLS. Open sessions keep theirs.
   *
   * @param options the TLS options to change. Default: none, which makes new contexts from the current options
   * @throws TypeError that names the option, for a bad PEM or a key that does not match. Then nothing has changed
   */
  updateSecureContext(options: TLSOptions | SMTPServerOptions | null = {}): void {
    const given = options ?? {};
    this.#contexts.update(layered<SMTPServerOptions>(given, this.options));
    const inherited = TLS_OPTIONS.filter((name) => name in given);
    for (const name of new Set([...Object.keys(given), ...inherited]))
      setOption(this.options, name, Reflect.get(given, name));
  }

  /** Warns of unknown mechanisms. As in smtp-server, they are not an error and are not offered. */
  #warnOfMechanisms(): void {
    const { logger } = this.options;
    const unknown = this.#settings.authMethods.filter((name) => !MECHANISMS.has(name));
    if (unknown.length === 0 || logger === false) return;
    const known = [...MECHANISMS.keys()].join(", ");
    process.stderr.write(
      `WARNING: authMethods: bun-smtp has no ${unknown.join(", ")} and does not offer it; it has ${known}\n`,
    );
  }
}

const { onConnect, onSecure, onHelo, onMailFrom, onRcptTo, onClose } = SMTPServer.prototype;
/** The base methods that accept everything. Taken now, because a program may replace them on the prototype. */
const ACCEPTING: ReadonlySet<unknown> = new Set([onConnect, onSecure, onHelo, onMailFrom, onRcptTo, onClose]);
