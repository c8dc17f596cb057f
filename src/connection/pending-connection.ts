import type { Action } from "../commands/action.js";
import { log, type LogEntry, type LoggedClient } from "../logger.js";
import type { LimitName } from "../types/index.js";
import type { Endpoints } from "../session.js";
import { isTrusted } from "../wire/ip.js";
import { type ProxyHeader, ProxyHeaderReader } from "../wire/proxy-header.js";
import { Connection } from "./connection.js";
import type { HasDeadline, ServerContext } from "./server-context.js";
import {
  handshakeDetails,
  handshakeError,
  MAX_DROPPED,
  publishFailedTLS,
  type TLSSession,
  type Transport,
  type TransportEvents,
} from "./transport.js";

/** Milliseconds until a peer is closed whose PROXY header was refused, so that it can read the reply. */
const REFUSAL_LINGER = 1000;

/** A transport that was just accepted. */
export interface PendingTransport extends Transport {
  /** Receives the events of the transport. */
  events: TransportEvents;
  /** Its file descriptor is one of those that clients must not use, see transport/descriptors.ts. */
  readonly usesReservedDescriptor: boolean;
  /** Writes a last text and closes both sides at once; the client can still read it. */
  refuse(text: string): void;
  /** @param initialData octets of the handshake that arrived with the PROXY header */
  upgrade(initialData?: Buffer): void;
}

/**
 * - `header`: waits for a PROXY header
 * - `handshake`: waits for the handshake of implicit TLS
 * - `refused`: the PROXY header was refused, and the socket is about to close
 * - `done`: the client has become a {@link Connection}, or is closed
 */
type PendingState = "header" | "handshake" | "refused" | "done";

/**
 * A client between accept and greeting. It waits for a PROXY header, if the peer must send one, and for the handshake of
 * implicit TLS, and then becomes a {@link Connection}. Both together must be done within `socketTimeout`.
 */
export class PendingConnection implements TransportEvents, HasDeadline {
  index = -1;
  readonly #server: ServerContext;
  readonly #transport: PendingTransport;
  #proxy: ProxyHeaderReader | undefined;
  #state: PendingState = "handshake";
  #deadline = Infinity;
  /** Octets received since the PROXY header was refused. */
  #dropped = 0;
  #endpoints: Endpoints;
  /** The address under which the client is counted; `undefined` if it is not counted yet. */
  #countedAs: string | undefined;
  /** The proxy itself is the client (LOCAL). Such a health check may disconnect before the handshake without an error. */
  #isHealthCheck = false;

  constructor(server: ServerContext, transport: PendingTransport) {
    this.#server = server;
    this.#transport = transport;
    const { localAddress, localPort, remoteAddress, remotePort } = transport;
    this.#endpoints = { localAddress, localPort, remoteAddress, remotePort };
  }

  /** Starts the first step. A client that needs neither header nor handshake becomes a connection at once. */
  begin(): void {
    try {
      this.#begin();
    } catch (error) {
      this.#fail(error);
    }
  }

  #begin(): void {
    const { settings, counter, deadlines } = this.#server;
    const isProxy = isTrusted(settings.useProxy, this.#transport.remoteAddress);
    if (!isProxy && !settings.implicitTLS) return this.#connect();
    // No reply can be sent before the header or the handshake, so a client over the limit is dropped.
    if (counter.total >= settings.maxClients) return this.#transport.destroy();
    this.#transport.events = this;
    deadlines.add(this);
    this.#expireAt(this.#server.clock.now() + settings.socketTimeout);
    if (!isProxy) return this.#handshake();
    this.#state = "header";
    this.#proxy = new ProxyHeaderReader();
    this.#count("");
  }

  received(chunk: Buffer): void {
    if (this.#state === "refused") return this.#drop(chunk);
    const header = this.#state === "header" ? this.#proxy?.push(chunk) : undefined;
    if (!header) return;
    this.#guard(() => {
      if (header.type === "invalid") return this.#refuse(header.reason);
      this.#identify(header);
      if (this.#server.settings.implicitTLS) this.#handshake(header.rest);
      else this.#connect(undefined, header.rest);
    });
  }

  #drop(chunk: Buffer): void {
    this.#dropped += chunk.length;
    if (this.#dropped > MAX_DROPPED) this.serverCloses();
  }

  drained(): void {}

  ended(): void {
    // The header or the handshake cannot be completed any more.
    if (this.#state !== "refused") this.#transport.destroy();
  }

  secured(tls: TLSSession): void {
    if (this.#state === "handshake") this.#guard(() => this.#connect(tls));
  }

  closed(error?: Error): void {
    const isBroken = this.#state === "handshake" && !this.#isHealthCheck;
    this.#finish();
    const { remoteAddress } = this.#endpoints;
    this.#guard(() => {
      if (!isBroken || this.#server.settings.isIgnored(remoteAddress)) return;
      const message = "Socket closed while initiating TLS";
      const reason = error ?? handshakeError(message, remoteAddress, "SocketError");
      publishFailedTLS(remoteAddress, reason);
      this.#report(Object.assign(reason, handshakeDetails(remoteAddress)));
    });
  }

  /** Closes at once on the server's `close()`, because no message is in transfer. */
  serverCloses(): void {
    this.#finish();
    this.#transport.destroy();
  }

  /** Runs code that reads options. An option may be a getter that throws: then the client is dropped. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#report(error);
    this.serverCloses();
  }

  get #logged(): LoggedClient {
    return { host: this.#endpoints.remoteAddress, port: this.#endpoints.remotePort };
  }

  #log(entry: LogEntry, text: string, ...args: string[]): void {
    const { settings } = this.#server;
    if (settings.isIgnored(this.#endpoints.remoteAddress)) return;
    log(settings.logger, "info", { ...this.#logged, ...entry }, text, ...args);
  }

  #report(error: unknown): void {
    this.#server.report(error, this.#logged);
  }

  #count(address: string): void {
    if (this.#countedAs !== undefined) this.#server.counter.remove(this.#countedAs);
    this.#countedAs = address;
    this.#server.counter.add(address);
  }

  #identify({ source, destination, local, info }: ProxyHeader): void {
    this.#isHealthCheck = local;
    this.#endpoints = { ...this.#endpoints, proxy: info };
    if (!source) return;
    const proxy = this.#transport;
    this.#endpoints = {
      remoteAddress: source.address,
      remotePort: source.port,
      localAddress: destination?.address ?? proxy.localAddress,
      localPort: destination?.port ?? proxy.localPort,
      proxy: info,
    };
    const { remoteAddress } = proxy;
    this.#log(
      { tnx: "proxy", proxy: remoteAddress },
      "PROXY from %s through %s",
      source.address,
      remoteAddress,
    );
  }

  #refuse(reason: string): void {
    this.#state = "refused";
    this.#log({ tnx: "proxy" }, "Invalid PROXY header: %s", reason);
    this.#transport.write("* BAD Invalid PROXY header\r\n");
    this.#transport.end();
    this.#expireAt(this.#server.clock.now() + REFUSAL_LINGER);
  }

  #handshake(initialData?: Buffer): void {
    // Checked here, because clients in a handshake count too, and without a reply, because none can be sent yet.
    if (this.#tooManyFromAddress()) return this.serverCloses();
    this.#state = "handshake";
    this.#count(this.#endpoints.remoteAddress);
    this.#transport.upgrade(initialData);
  }

  #expireAt(at: number): void {
    this.#deadline = at;
    this.#server.deadlines.schedule(at);
  }

  /** Called by the deadline timer. */
  checkDeadline(now: number): number {
    if (this.#deadline <= now) this.#expire();
    return this.#deadline;
  }

  #expire(): void {
    const { remoteAddress } = this.#endpoints;
    if (this.#state !== "refused") {
      const text = "Closing %s: no PROXY header or TLS handshake in time";
      this.#guard(() => this.#log({ tnx: "connection" }, text, remoteAddress));
      if (this.#state === "handshake") {
        const error = handshakeError("TLS handshake timeout", remoteAddress);
        publishFailedTLS(remoteAddress, error);
        this.#report(error);
      }
    }
    this.serverCloses();
  }

  #finish(): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#deadline = Infinity;
    this.#server.deadlines.delete(this);
    if (this.#countedAs !== undefined) this.#server.counter.remove(this.#countedAs);
  }

  #connect(tls?: TLSSession, rest?: Buffer): void {
    this.#finish();
    // Reads options: if one throws, the transport must not have a connection that was never admitted.
    const refusal = this.#tooMany();
    const connection = new Connection(this.#server, this.#transport, this.#endpoints, tls);
    this.#transport.events = connection;
    this.#server.admit(connection);
    connection.start(refusal);
    if (rest && rest.length > 0) connection.received(rest);
  }

  /** The reply to a client over `maxClients` or `maxClientsPerAddress`. */
  #tooMany(): Action | undefined {
    const { counter, settings } = this.#server;
    if (counter.total >= settings.maxClients) {
      return this.#refusal("maxClients", "Too many connected clients, try again in a moment");
    }
    return this.#tooManyFromAddress()
      ? this.#refusal("maxClientsPerAddress", "Too many connections from your address")
      : undefined;
  }

  #refusal(limit: LimitName, text: string): Action {
    return { code: 421, text: `${this.#server.settings.name} ${text}`, enhanced: false, limit };
  }

  #tooManyFromAddress(): boolean {
    const { counter, settings } = this.#server;
    const { remoteAddress } = this.#endpoints;
    if (remoteAddress === "" || counter.countFrom(remoteAddress) < settings.maxClientsPerAddress)
      return false;
    this.#log({ tnx: "connection" }, "Too many connections from %s", remoteAddress);
    return true;
  }
}
