import type { Action } from "../commands/action.js";
import { Connection } from "./connection.js";
import { log } from "../logger.js";
import type { Endpoints } from "../session.js";
import {
  handshakeDetails,
  handshakeError,
  type TLSSession,
  type Transport,
  type TransportEvents,
} from "./transport.js";
import type { HasDeadline, ServerContext } from "./server-context.js";
import { isTrusted } from "../wire/ip.js";
import { type ProxyHeader, ProxyHeaderReader } from "../wire/proxy-header.js";

/** Milliseconds in which a peer whose PROXY header was refused can read why. */
const REFUSAL_LINGER = 1000;

/** A transport whose client nobody has talked to yet. */
export interface PendingTransport extends Transport {
  /** Who hears of what happens on it. */
  events: TransportEvents;
  /** @param initialData bytes of the handshake that were read already, behind a PROXY header */
  upgrade(initialData?: Buffer): void;
}

/**
 * A client between accept and greeting: a PROXY header where one is expected, then the handshake of
 * implicit TLS, then it is a {@link Connection}. Both steps are bounded by `socketTimeout`.
 */
export class PendingConnection implements TransportEvents, HasDeadline {
  index = -1;
  readonly #server: ServerContext;
  readonly #transport: PendingTransport;
  #deadline = Infinity;
  #endpoints: Endpoints;
  #proxy: ProxyHeaderReader | undefined;
  /** Whom the counter knows this client as; `undefined` while that is not known. */
  #countedAs: string | undefined;
  #refusedHeader = false;
  /** The proxy speaks for itself (LOCAL): it looks whether we are there, and leaves when it has seen that. */
  #isCheck = false;
  #done = false;

  constructor(server: ServerContext, transport: PendingTransport) {
    this.#server = server;
    this.#transport = transport;
    const { localAddress, localPort, remoteAddress, remotePort } = transport;
    this.#endpoints = { localAddress, localPort, remoteAddress, remotePort };
  }

  /** The first step. A client that needs neither header nor handshake is a connection at once. */
  begin(): void {
    const { settings, counter, deadlines } = this.#server;
    if (isTrusted(settings.useProxy, this.#transport.remoteAddress)) this.#proxy = new ProxyHeaderReader();
    if (!this.#proxy && !settings.implicitTLS) return this.#connect();
    // Nothing can be said before the header or the handshake, so one too many is dropped.
    if (counter.total >= settings.maxClients) return this.#transport.destroy();
    this.#transport.events = this;
    deadlines.add(this);
    this.#expectBy(performance.now() + settings.socketTimeout);
    if (this.#proxy) this.#count("");
    else this.#handshake();
  }

  received(chunk: Buffer): void {
    if (this.#done || this.#refusedHeader) return;
    const header = this.#proxy?.push(chunk);
    if (!header) return;
    if (header.type === "invalid") return this.#refuse(header.reason);
    this.#proxy = undefined;
    this.#identify(header);
    if (this.#server.settings.implicitTLS) this.#handshake(header.rest);
    else this.#connect(undefined, header.rest);
  }

  drained(): void {}

  ended(): void {
    // Half a header, or half a handshake: there will be no more.
    if (!this.#refusedHeader) this.#transport.destroy();
  }

  secured(tls: TLSSession): void {
    if (!this.#done) this.#connect(tls);
  }

  closed(error?: Error): void {
    const inHandshake = !this.#proxy && !this.#done && !this.#refusedHeader;
    this.#finish();
    const { remoteAddress } = this.#endpoints;
    if (!inHandshake || this.#isCheck || this.#server.settings.isIgnored(remoteAddress)) return;
    const reason =
      error ?? handshakeError("Socket closed while initiating TLS", remoteAddress, "SocketError");
    this.#server.report(Object.assign(reason, handshakeDetails(remoteAddress)));
  }

  /** `close()` of the server: there is no message to wait for. */
  serverCloses(): void {
    this.#finish();
    this.#transport.destroy();
  }

  #count(address: string): void {
    if (this.#countedAs !== undefined) this.#server.counter.remove(this.#countedAs);
    this.#countedAs = address;
    this.#server.counter.add(address);
  }

  #identify({ source, destination, local }: ProxyHeader): void {
    this.#isCheck = local;
    if (!source) return;
    const proxy = this.#transport;
    this.#endpoints = {
      remoteAddress: source.address,
      remotePort: source.port,
      localAddress: destination?.address ?? proxy.localAddress,
      localPort: destination?.port ?? proxy.localPort,
    };
    if (this.#server.settings.isIgnored(source.address)) return;
    const entry = { tnx: "proxy", host: source.address, proxy: proxy.remoteAddress };
    log(
      this.#server.settings.logger,
      "info",
      entry,
      "PROXY from %s through %s",
      source.address,
      proxy.remoteAddress,
    );
  }

  #refuse(reason: string): void {
    this.#refusedHeader = true;
    const entry = { tnx: "proxy", host: this.#transport.remoteAddress };
    log(this.#server.settings.logger, "info", entry, "Invalid PROXY header: %s", reason);
    this.#transport.write("* BAD Invalid PROXY header\r\n");
    this.#transport.end();
    this.#expectBy(performance.now() + REFUSAL_LINGER);
  }

  #handshake(initialData?: Buffer): void {
    // As with maxClients: what is in a handshake can not be told why, and one address could be in any number of them.
    if (this.#tooManyFromThere()) return this.serverCloses();
    this.#count(this.#endpoints.remoteAddress);
    this.#transport.upgrade(initialData);
  }

  #expectBy(at: number): void {
    this.#deadline = at;
    this.#server.deadlines.schedule(at);
  }

  /** Called by the deadline timer. */
  checkDeadline(now: number): number {
    if (this.#deadline <= now) this.#overdue();
    return this.#deadline;
  }

  #overdue(): void {
    const { remoteAddress } = this.#endpoints;
    if (!this.#refusedHeader) {
      const entry = { tnx: "connection", host: remoteAddress };
      log(
        this.#server.settings.logger,
        "info",
        entry,
        "Closing %s: no PROXY header or TLS handshake in time",
        remoteAddress,
      );
      if (!this.#proxy) this.#server.report(handshakeError("TLS handshake timeout", remoteAddress));
    }
    this.serverCloses();
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#deadline = Infinity;
    this.#server.deadlines.delete(this);
    if (this.#countedAs !== undefined) this.#server.counter.remove(this.#countedAs);
  }

  #connect(tls?: TLSSession, rest?: Buffer): void {
    this.#finish();
    const connection = new Connection(this.#server, this.#transport, this.#endpoints, tls);
    this.#transport.events = connection;
    const refusal = this.#tooMany();
    this.#server.admit(connection);
    connection.start(refusal);
    if (rest && rest.length > 0) connection.received(rest);
  }

  #tooMany(): Action | undefined {
    const { counter, settings } = this.#server;
    const refusal = (text: string): Action => ({
      code: 421,
      text: `${settings.name} ${text}`,
      enhanced: false,
    });
    if (counter.total >= settings.maxClients) {
      return refusal("Too many connected clients, try again in a moment");
    }
    return this.#tooManyFromThere() ? refusal("Too many connections from your address") : undefined;
  }

  #tooManyFromThere(): boolean {
    const { counter, settings } = this.#server;
    const { remoteAddress } = this.#endpoints;
    if (remoteAddress === "" || counter.countFrom(remoteAddress) < settings.maxClientsPerAddress)
      return false;
    const entry = { tnx: "connection", host: remoteAddress };
    log(settings.logger, "info", entry, "Too many connections from %s", remoteAddress);
    return true;
  }
}
