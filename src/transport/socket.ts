import type { PeerCertificate } from "node:tls";
import type { PendingTransport } from "../connection/pending-connection.js";
import type { TLSSession, TransportEvents } from "../connection/transport.js";
import type { SecureSocket, TLSCipherInfo } from "../types/index.js";
import { normalizeAddress } from "../wire/ip.js";
import { hasControl } from "../wire/text.js";
import type {
  BunSocket,
  BunSocketHandlers,
  SecureContextHandle,
  SNIHandle,
  UpgradeOptions,
} from "./bun-tls.js";
import { firstReserved } from "./descriptors.js";
import { canUpgrade, type SecureContexts, verdict } from "./secure-contexts.js";

/** Where to listen: a port of an address, or the path of a unix socket. */
export type BindTarget =
  | { readonly path: string }
  | { readonly port: number; readonly host: string; readonly reusePort: boolean; readonly ipv6Only: boolean };

/** The members of Bun's listener that we use. */
export interface BoundListener {
  readonly port: number;
  stop(closeActiveConnections?: boolean): void;
  ref(): void;
  unref(): void;
}

/** Ignores every event. A transport has these events until `accept` sets its own. */
const NO_EVENTS: TransportEvents = { received() {}, drained() {}, ended() {}, closed() {}, secured() {} };

/** Handlers of an accepted socket. One object serves all sockets: `socket.data` is the transport. */
const plainHandlers: BunSocketHandlers<SocketTransport> = {
  data: (socket, chunk) => socket.data.onData(socket, chunk),
  drain: (socket) => socket.data.onDrain(socket),
  end: (socket) => socket.data.onEnd(socket),
  close: (socket, error) => socket.data.onClose(error),
  error: (socket, error) => socket.data.onError(error),
};

/** Handlers of the TLS session on an accepted socket. */
const tlsHandlers: BunSocketHandlers<SocketTransport> = {
  ...plainHandlers,
  open() {},
  handshake: (socket, ok, error) => socket.data.onHandshake(socket, ok, error),
};

const tlsHandlersWithName: BunSocketHandlers<SocketTransport> = {
  ...tlsHandlers,
  serverName: (_, name, handle) => handle.data.onServerName(name, handle),
};

const CAN_UPGRADE = canUpgrade();

/**
 * Listens and hands over each client's transport.
 * @param accept sets `transport.events` before it returns
 * @throws what `Bun.listen` throws: an Error with `code`, `errno`, `syscall`
 */
export function listenOn(
  target: BindTarget,
  contexts: () => SecureContexts,
  accept: (transport: SocketTransport) => void,
): BoundListener {
  const isPath = "path" in target;
  const where =
    "path" in target
      ? { unix: target.path }
      : {
          hostname: target.host,
          port: target.port,
          reusePort: target.reusePort,
          ipv6Only: target.ipv6Only,
        };
  const reserved = firstReserved();
  const bound = Bun.listen<SocketTransport>({
    ...where,
    // So that a client that closes its side after QUIT or its last message still gets its replies.
    allowHalfOpen: true,
    socket: {
      ...plainHandlers,
      open(socket: BunSocket<SocketTransport>) {
        const localPort = isPath ? 0 : bound.port;
        const transport = new SocketTransport(socket, localPort, contexts, socket.fd >= reserved);
        socket.data = transport;
        // A TCP peer that has reset already has no address. It must not be taken for a client on a unix socket.
        if (transport.remoteAddress === "" && !isPath) socket.terminate();
        else accept(transport);
      },
    },
  } as unknown as Parameters<typeof Bun.listen<SocketTransport>>[0]) as unknown as BoundListener;
  return bound;
}

/** A client's socket, and after `upgrade` the TLS session on it. */
export class SocketTransport implements PendingTransport {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly canUpgrade: boolean = CAN_UPGRADE;
  readonly usesReservedDescriptor: boolean;
  events: TransportEvents = NO_EVENTS;

  readonly #contexts: () => SecureContexts;
  /** The socket in use. After an upgrade, the events of the plain socket must be ignored: its `data` is ciphertext. */
  #socket: BunSocket<SocketTransport>;
  /** Data that the kernel did not take. Bun's `write` does not keep it. */
  #queue: Buffer | undefined;
  /** What to do when the queue is empty. */
  #afterQueue: "end" | "upgrade" | undefined;
  #initialData: Buffer | undefined;
  /** The options of this handshake. `select` changes them for the host that the client asks for. */
  #asked: UpgradeOptions | undefined;
  #error: Error | undefined;
  #closed = false;

  /** @param localPort the listener's port, because asking the socket is a system call; 0 for a unix socket */
  constructor(
    socket: BunSocket<SocketTransport>,
    localPort: number,
    contexts: () => SecureContexts,
    usesReservedDescriptor: boolean,
  ) {
    this.#socket = socket;
    this.usesReservedDescriptor = usesReservedDescriptor;
    this.#contexts = contexts;
    this.localAddress = normalizeAddress(socket.localAddress);
    this.localPort = localPort;
    this.remoteAddress = normalizeAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort || 0;
  }

  write(data: string | Uint8Array): boolean {
    if (this.#closed || this.#afterQueue === "end") return true;
    if (this.#queue) {
      this.#queue = Buffer.concat([this.#queue, toBuffer(data)]);
      return false;
    }
    return this.#push(data);
  }

  /** @returns whether the kernel took all of it */
  #push(data: string | Uint8Array): boolean {
    const taken = this.#socket.write(data);
    this.#queue = undefined;
    if (taken === Buffer.byteLength(data)) return true;
    if (taken < 0) {
      // The peer has reset. Bun will not call `drain`, and in some states not `close` either.
      this.destroy();
      return true;
    }
    this.#queue = toBuffer(data).subarray(taken);
    return false;
  }

  pause(): void {
    if (!this.#closed) this.#socket.pause();
  }

  resume(): void {
    if (!this.#closed) this.#socket.resume();
  }

  end(): void {
    if (this.#closed) return;
    if (this.#queue) this.#afterQueue = "end";
    else this.#socket.shutdown();
  }

  destroy(reason?: Error): void {
    this.#error ??= reason;
    if (!this.#closed) this.#socket.terminate();
  }

  refuse(text: string): void {
    this.#socket.write(text);
    this.#socket.close();
  }

  /** @param initialData bytes of the handshake that arrived with the PROXY header */
  upgrade(initialData?: Buffer): void {
    this.#initialData = initialData;
    this.#afterQueue = "upgrade";
    // Plaintext in the queue would be sent inside the handshake and break it.
    if (!this.#queue) this.#startTLS();
  }

  #startTLS(): void {
    this.#afterQueue = undefined;
    const initialData = this.#initialData;
    this.#initialData = undefined;
    try {
      const contexts = this.#contexts();
      this.#asked = contexts.upgradeOptions();
      const [, tls] = this.#socket.upgradeTLS({
        isServer: true,
        allowHalfOpen: true,
        data: this,
        tls: this.#asked,
        socket: contexts.asksForName ? tlsHandlersWithName : tlsHandlers,
        ...(initialData && initialData.length > 0 ? { initialData } : {}),
      });
      this.#socket = tls;
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      this.destroy();
    }
  }

  onData(socket: BunSocket<SocketTransport>, chunk: Buffer): void {
    if (socket === this.#socket) this.events.received(chunk);
  }

  onDrain(socket: BunSocket<SocketTransport>): void {
    if (socket !== this.#socket || !this.#queue) return;
    if (!this.#push(this.#queue)) return;
    if (this.#afterQueue === "end") this.#socket.shutdown();
    else if (this.#afterQueue === "upgrade") this.#startTLS();
    else this.events.drained();
  }

  onEnd(socket: BunSocket<SocketTransport>): void {
    if (socket === this.#socket) this.events.ended();
  }

  onError(error: Error): void {
    this.#error ??= error;
  }

  /** Called for the plain socket and for the TLS session. Only the first call counts. */
  onClose(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = undefined;
    this.events.closed(this.#error ?? error);
  }

  onServerName(name: string, handle: SNIHandle): SecureContextHandle | Error | true | undefined {
    if (!this.#asked || hasControl(name)) return undefined;
    return this.#contexts().select(name, handle, this.#asked);
  }

  onHandshake(
    socket: BunSocket<SocketTransport>,
    ok: boolean,
    error: (Error & { code?: string }) | null,
  ): void {
    const asked = this.#asked as UpgradeOptions;
    const refusal = verdict(asked, ok, error, socket.authorized);
    if (refusal) {
      this.#error ??= refusal;
      socket.terminate();
      return;
    }
    this.events.secured(new SocketTLSSession(socket, asked.requestCert ? error?.code : undefined));
  }
}

/** The octets of a text, or a Buffer on the same memory for bytes. */
function toBuffer(data: string | Uint8Array): Buffer {
  return typeof data === "string"
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.length);
}

/** The TLS session on a socket. Its rarely used parts are made on first use. */
class SocketTLSSession implements TLSSession {
  readonly cipher: TLSCipherInfo;
  readonly servername: string | false;
  readonly authorized: boolean;
  readonly #socket: BunSocket<SocketTransport>;
  readonly #problem: string | undefined;
  #adapter: SecureSocket | undefined;

  /** @param problem why the client's certificate did not verify, if one was asked for */
  constructor(socket: BunSocket<SocketTransport>, problem: string | undefined) {
    this.#socket = socket;
    this.#problem = problem;
    this.authorized = socket.authorized;
    const asked = socket.getServername() || "";
    // The client chooses the name. Control characters could forge a line of a log or header.
    this.servername = asked !== "" && !hasControl(asked) && asked;
    // In Bun 1.4.0, the version of getCipher() is `TLSv1/SSLv3`. That of getTLSVersion() is always right.
    this.cipher = { ...socket.getCipher(), version: socket.getTLSVersion() };
  }

  /** Bun's socket with the members of node's TLSSocket that it lacks. */
  get socket(): SecureSocket {
    if (this.#adapter) return this.#adapter;
    const { servername, authorized } = this;
    const { version } = this.cipher;
    const certificate = this.#socket.getPeerCertificate.bind(this.#socket);
    const adapter: unknown = Object.assign(this.#socket, {
      encrypted: true,
      servername,
      authorizationError: authorized ? undefined : this.#problem,
      getProtocol: () => version,
      getPeerCertificate: (detailed = false) => certificate(!detailed) ?? {},
      destroy: () => this.#socket.terminate(),
    });
    return (this.#adapter = adapter as SecureSocket);
  }

  peerCertificate(): PeerCertificate {
    return this.socket.getPeerCertificate();
  }

  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer | undefined {
    return this.#socket.exportKeyingMaterial(length, label, context);
  }
}
