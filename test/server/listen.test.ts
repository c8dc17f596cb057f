import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { SMTPServer } from "../../src/index.js";
import { parseListenArguments } from "../../src/server/listen-arguments.js";
import { makeServer, SocketClient } from "../support/client.js";

const folder = mkdtempSync(join(tmpdir(), "listen-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let sockets = 0;
const freshPath = (): string => join(folder, `${(sockets += 1)}.sock`);

const server = (): SMTPServer => makeServer();

function portOf(one: SMTPServer): number {
  return (one.address() as AddressInfo).port;
}

async function greets(to: ConstructorParameters<typeof SocketClient>[0]): Promise<boolean> {
  const client = new SocketClient(to);
  const greeting = await client.reply();
  client.end();
  return greeting === "220 mx.test ESMTP";
}

const none = (): void => {};
const tcp = (port: number, host?: string): object => ({ port, host, reusePort: false, ipv6Only: false });

describe("arguments", () => {
  const table: [string, unknown[], object, boolean][] = [
    ["nothing", [], tcp(0), false],
    ["callback", [none], tcp(0), true],
    ["port", [2525], tcp(2525), false],
    ["port as a string", ["2525"], tcp(2525), false],
    ["port, callback", [2525, none], tcp(2525), true],
    ["port, host", [2525, "127.0.0.1"], tcp(2525, "127.0.0.1"), false],
    ["port, host, callback", [2525, "127.0.0.1", none], tcp(2525, "127.0.0.1"), true],
    ["port, backlog", [2525, 511], tcp(2525), false],
    ["port, backlog, callback", [2525, 511, none], tcp(2525), true],
    ["port, host, backlog, callback", [2525, "::1", 511, none], tcp(2525, "::1"), true],
    ["port, nothing, nothing, callback", [2525, undefined, undefined, none], tcp(2525), true],
    ["port, null, null, callback", [2525, null, null, none], tcp(2525), true],
    ["port, an empty host", [2525, ""], tcp(2525), false],
    ["undefined, callback", [undefined, none], tcp(0), true],
    ["null, host", [null, "127.0.0.1"], tcp(0, "127.0.0.1"), false],
    ["path", ["/run/lmtp"], { path: "/run/lmtp" }, false],
    ["path, callback", ["/run/lmtp", none], { path: "/run/lmtp" }, true],
    ["path, backlog, callback", ["/run/lmtp", 511, none], { path: "/run/lmtp" }, true],
    ["{ port }", [{ port: 2525 }], tcp(2525), false],
    ["{ port as a string }", [{ port: "2525" }], tcp(2525), false],
    ["{ port, host }, callback", [{ port: 2525, host: "::1" }, none], tcp(2525, "::1"), true],
    ["{ port, hostname }", [{ port: 2525, hostname: "127.0.0.1" }], tcp(2525, "127.0.0.1"), false],
    ["host before hostname", [{ port: 1, host: "::1", hostname: "127.0.0.1" }], tcp(1, "::1"), false],
    [
      "{ reusePort, ipv6Only, exclusive }",
      [{ port: 1, reusePort: true, ipv6Only: true, exclusive: true }],
      { ...tcp(1), reusePort: true, ipv6Only: true },
      false,
    ],
    ["{ path }", [{ path: "/run/lmtp" }], { path: "/run/lmtp" }, false],
    ["{ path } before port", [{ path: "/run/lmtp", port: 25 }], { path: "/run/lmtp" }, false],
    ["{ path: null, port }", [{ path: null, port: 25 }], tcp(25), false],
    ["{ path, mode }", [{ path: "/run/lmtp", mode: 0o660 }], { path: "/run/lmtp", mode: 0o660 }, false],
    [
      "{ path, writableAll }",
      [{ path: "/run/lmtp", writableAll: true }],
      { path: "/run/lmtp", mode: 0o722 },
      false,
    ],
    [
      "{ path, both All }",
      [{ path: "/run/lmtp", writableAll: true, readableAll: true }],
      { path: "/run/lmtp", mode: 0o766 },
      false,
    ],
    ["{}", [{}], tcp(0), false],
  ];
  for (const [name, args, target, withCallback] of table) {
    test(name, () => {
      const request = parseListenArguments(args);
      expect({ mode: undefined, ...request.target } as object).toEqual({ mode: undefined, ...target });
      expect(request.callback).toBe(withCallback ? none : undefined);
    });
  }

  const wrong: [string, unknown[], RegExp][] = [
    ["a port over 65535", [65_536], /port/],
    ["a negative port", [-1], /port/],
    ["half a port", [25.5], /port/],
    ["NaN", [NaN], /port/],
    ["true", [true], /port .* got true$/],
    ["a host that is no string", [{ host: 5 }], /^listen: host must be a string, got 5$/],
    ["an object's port", [{ port: "smtp" }], /port/],
    ["an empty path", [{ path: "" }], /path/],
    ["a path that is no string", [{ path: 7 }], /path/],
  ];
  for (const [name, args, message] of wrong) {
    test(`${name} rejects`, async () => {
      await expect(server().listen(...args)).rejects.toThrow(message);
    });
  }
});

test("an impossible port has Node's code", async () => {
  const error = await server()
    .listen(70_000)
    .catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(RangeError);
  expect(error).toMatchObject({
    code: "ERR_SOCKET_BAD_PORT",
    message: "listen: port must be an integer of 0 to 65535, got 70000",
  });
});

describe("TCP", () => {
  const forms: Record<string, (one: SMTPServer) => Promise<unknown>> = {
    "listen()": (one) => one.listen(),
    "listen(0)": (one) => one.listen(0),
    'listen("0")': (one) => one.listen("0"),
    'listen(0, "127.0.0.1")': (one) => one.listen(0, "127.0.0.1"),
    'listen(0, "localhost")': (one) => one.listen(0, "localhost"),
    'listen({ port: 0, hostname: "127.0.0.1" })': (one) => one.listen({ port: 0, hostname: "127.0.0.1" }),
    "listen(0, callback)": (one) => new Promise<void>((resolve) => void one.listen(0, resolve)),
    "listen(0, undefined, 511, callback)": (one) =>
      new Promise<void>((resolve) => void one.listen(0, undefined, 511, resolve)),
    "listen(callback)": (one) => new Promise<void>((resolve) => void one.listen(resolve as never)),
  };
  for (const [name, listen] of Object.entries(forms)) {
    test(name, async () => {
      const one = server();
      await listen(one);
      const { address } = one.address() as AddressInfo;
      expect(await greets({ port: portOf(one), host: address === "::" ? "127.0.0.1" : address })).toBe(true);
    });
  }

  test("the promise is for the server; listening and the callback come once, when it is bound", async () => {
    const one = server();
    const events: string[] = [];
    one.on("listening", () => events.push(`server ${one.server.listening}`));
    one.server.on("listening", () => events.push("listener"));
    const listening = one.listen(0, "127.0.0.1", () => events.push("callback"));
    expect(await listening).toBe(one);
    expect(events.sort()).toEqual(["callback", "listener", "server true"]);
  });

  test("listening comes after the tick in which listen was called", async () => {
    const one = server();
    one.listen(0, "127.0.0.1");
    await new Promise<void>((resolve) => one.on("listening", resolve));
    expect(one.server.listening).toBe(true);
  });

  test("address() is null before and after, what node:net gives while it listens", async () => {
    const one = server();
    expect([one.address(), one.server.address(), one.server.listening]).toEqual([null, null, false]);
    await one.listen(0, "127.0.0.1");
    expect(one.address()).toEqual({ address: "127.0.0.1", family: "IPv4", port: expect.any(Number) });
    expect(one.server.address()).toEqual(one.address());
    await one.close();
    expect([one.address(), one.server.listening]).toEqual([null, false]);
  });

  test("by default all interfaces, IPv4 and IPv6", async () => {
    const one = server();
    await one.listen(0);
    const hosts = (one.address() as AddressInfo).family === "IPv6" ? ["127.0.0.1", "::1"] : ["127.0.0.1"];
    for (const host of hosts) expect(await greets({ port: portOf(one), host })).toBe(true);
  });

  test("reusePort: two servers on one port", async () => {
    const [one, two] = [server(), server()];
    await one.listen({ port: 0, host: "127.0.0.1", reusePort: true });
    await two.listen({ port: portOf(one), host: "127.0.0.1", reusePort: true });
    expect(portOf(two)).toBe(portOf(one));
  });

  test("listen, close, listen again", async () => {
    const one = server();
    for (let round = 0; round < 3; round++) {
      await one.listen(0, "127.0.0.1");
      expect(await greets({ port: portOf(one), host: "127.0.0.1" })).toBe(true);
      await one.close();
    }
  });

  test("the same port can be had again after close", async () => {
    const one = server();
    await one.listen(0, "127.0.0.1");
    const port = portOf(one);
    await one.close();
    await one.listen(port, "127.0.0.1");
    expect(portOf(one)).toBe(port);
  });

  test("listening twice is an error, and the first goes on", async () => {
    const one = server();
    await one.listen(0, "127.0.0.1");
    const port = portOf(one);
    await expect(one.listen(0, "127.0.0.1")).rejects.toMatchObject({
      code: "ERR_SERVER_ALREADY_LISTEN",
      message: "Listen method has been called more than once without closing.",
    });
    expect(portOf(one)).toBe(port);
    expect(await greets({ port, host: "127.0.0.1" })).toBe(true);
  });

  test("listening twice in one tick too", async () => {
    const one = server();
    const results = await Promise.allSettled([one.listen(0, "127.0.0.1"), one.listen(0, "127.0.0.1")]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  test("await using closes", async () => {
    const one = server();
    {
      await using scoped = await one.listen(0, "127.0.0.1");
      expect(scoped.server.listening).toBe(true);
    }
    expect(one.server.listening).toBe(false);
  });
});

describe("a bind that fails", () => {
  async function taken(): Promise<number> {
    const one = server();
    await one.listen(0, "127.0.0.1");
    return portOf(one);
  }
  const shape = (port: number): object => ({
    code: "EADDRINUSE",
    errno: -constants.errno.EADDRINUSE,
    syscall: "listen",
    address: "127.0.0.1",
    port,
    message: expect.stringMatching(
      new RegExp(
        `^listen EADDRINUSE: address already in use 127\\.0\\.0\\.1:${port} \\(another program .*\\)$`,
      ),
    ),
  });
  const unhandled = async (act: () => unknown): Promise<unknown[]> => {
    const errors: unknown[] = [];
    const note = (error: unknown): void => void errors.push(error);
    process.on("unhandledRejection", note);
    await act();
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    return errors;
  };

  test("rejects in the shape of Node, which gives the same for the same port", async () => {
    const port = await taken();
    await expect(server().listen(port, "127.0.0.1")).rejects.toMatchObject(shape(port));
    const byNode = await new Promise<NodeJS.ErrnoException>((resolve) =>
      createServer().on("error", resolve).listen(port, "127.0.0.1"),
    );
    expect(byNode).toMatchObject({ code: "EADDRINUSE", syscall: "listen", address: "127.0.0.1", port });
  });

  test("is an error event on the server, and the promise counts as handled", async () => {
    const port = await taken();
    const one = server();
    let error: unknown;
    const lost = await unhandled(() => {
      one.on("error", (cause) => (error = cause));
      one.listen(port, "127.0.0.1");
    });
    expect(error).toMatchObject(shape(port));
    expect(lost).toEqual([]);
  });

  test("is an error event on the listener, and the promise counts as handled", async () => {
    const port = await taken();
    const one = server();
    let error: unknown;
    const lost = await unhandled(() => {
      one.listen(port, "127.0.0.1").on("error", (cause: unknown) => (error = cause));
    });
    expect(error).toMatchObject(shape(port));
    expect(lost).toEqual([]);
  });

  test("still rejects for those who await it and listen as well", async () => {
    const port = await taken();
    const one = server();
    one.on("error", none);
    await expect(one.listen(port, "127.0.0.1")).rejects.toMatchObject(shape(port));
  });

  test("the callback does not fire, not even at the next listen that succeeds", async () => {
    const port = await taken();
    const one = server();
    let calls = 0;
    await one.listen(port, "127.0.0.1", () => void calls++).catch(none);
    expect(one.server.listening).toBe(false);
    await one.listen(0, "127.0.0.1");
    expect(calls).toBe(0);
  });

  test("a host name that does not exist", async () => {
    // No label may have 64 octets: the resolver knows without asking a name server.
    const hostname = `${"x".repeat(64)}.invalid`;
    await expect(server().listen(0, hostname)).rejects.toMatchObject({
      code: "ENOTFOUND",
      syscall: "getaddrinfo",
      hostname,
      message: expect.stringMatching(/^getaddrinfo ENOTFOUND x{64}\.invalid \(.*a name of this machine/),
    });
  });

  test("an address that is not ours", async () => {
    await expect(server().listen(0, "192.0.2.1")).rejects.toMatchObject({
      code: "EADDRNOTAVAIL",
      syscall: "listen",
      address: "192.0.2.1",
      message: expect.stringMatching(
        /^listen EADDRNOTAVAIL: address not available 192\.0\.2\.1 \(this machine does not have that address/,
      ),
    });
  });
});

describe("what listen returns is the listener too", () => {
  test("on, once and address", async () => {
    const one = server();
    const listening = one.listen(0, "127.0.0.1");
    await new Promise<void>((resolve) => listening.once("listening", resolve));
    expect(listening.address()).toEqual(one.address());
    expect(listening.listening).toBe(true);
  });

  test("close(callback)", async () => {
    const one = server();
    const listening = one.listen(0, "127.0.0.1");
    await listening;
    await new Promise<void>((resolve) => void listening.close(() => resolve()));
    expect(one.server.listening).toBe(false);
  });

  test("getConnections, ref and unref", async () => {
    const one = server();
    const listening = one.listen(0, "127.0.0.1");
    await listening;
    listening.unref();
    listening.ref();
    const client = new SocketClient({ port: portOf(one), host: "127.0.0.1" });
    await client.reply();
    const count = await new Promise(
      (resolve) => void listening.getConnections((_error: unknown, n: number) => resolve(n)),
    );
    expect(count).toBe(1);
    client.end();
  });

  test("server.server is there from construction on, and listens and closes by itself", async () => {
    const one = server();
    const listener = one.server;
    listener.listen(0, "127.0.0.1");
    await new Promise<void>((resolve) => listener.once("listening", resolve));
    expect(one.server).toBe(listener);
    await new Promise<void>((resolve) => void listener.close(() => resolve()));
    expect(listener.address()).toBeNull();
  });
});

describe("a unix socket", () => {
  const forms: Record<string, (one: SMTPServer, path: string) => Promise<unknown>> = {
    "listen(path)": (one, path) => one.listen(path),
    "listen(path, callback)": (one, path) => new Promise<void>((resolve) => void one.listen(path, resolve)),
    "listen({ path })": (one, path) => one.listen({ path }),
  };
  for (const [name, listen] of Object.entries(forms)) {
    test(name, async () => {
      const [one, path] = [server(), freshPath()];
      await listen(one, path);
      expect([one.address(), one.server.address()]).toEqual([path, path]);
      expect(await greets({ path })).toBe(true);
    });
  }

  test("the file goes when the server closes", async () => {
    const [one, path] = [server(), freshPath()];
    await one.listen(path);
    expect(existsSync(path)).toBe(true);
    await one.close();
    expect(existsSync(path)).toBe(false);
  });

  test("mode", async () => {
    const [one, path] = [server(), freshPath()];
    await one.listen({ path, mode: 0o622 });
    expect((statSync(path).mode & 0o777).toString(8)).toBe("622");
  });

  const modes: [unknown, number][] = [
    ["0660", 0o660],
    ["606", 0o606],
    [0, 0],
    [null, 0o777 & ~process.umask()],
  ];
  for (const [mode, bits] of modes) {
    test(`mode ${JSON.stringify(mode)}`, async () => {
      const [one, path] = [server(), freshPath()];
      await one.listen({ path, mode: mode as number });
      expect((statSync(path).mode & 0o777).toString(8)).toBe(bits.toString(8));
    });
  }

  for (const mode of ["rw-rw----", "0o660", "", "888", -1, 1.5, NaN, 660, 0o1000, true, {}]) {
    test(`mode ${inspect(mode)} is refused before anything is bound`, async () => {
      const [one, path] = [server(), freshPath()];
      const error = await one.listen({ path, mode: mode as number }).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toStartWith("listen: mode must be permission bits");
      expect((error as Error).message).toEndWith(`got ${inspect(mode)}`);
      expect([one.server.listening, existsSync(path)]).toEqual([false, false]);
      await one.listen({ path });
      expect(await greets({ path })).toBe(true);
    });
  }

  test("in the abstract namespace", async () => {
    const [one, path] = [server(), "\0bun-smtp-abstract"];
    await one.listen(path);
    expect(one.address()).toBe(path);
    expect(await greets({ path })).toBe(true);
  });

  test("permissions that cannot be set: it rejects, and no longer listens", async () => {
    // There is no file to set them on.
    const [one, path] = [server(), "\0bun-smtp-no-file"];
    await expect(one.listen({ path, mode: 0o600 })).rejects.toMatchObject({
      syscall: "chmod",
      address: path,
      message: expect.stringContaining("mode could not be set"),
    });
    expect([one.server.listening, one.address()]).toEqual([false, null]);
    expect(await new SocketClient({ path }).reply()).toBeUndefined();
  });

  test("an option that throws where the server begins to listen: it rejects, and no longer listens", async () => {
    const [one, path] = [server(), freshPath()];
    const problem = new Error("not today");
    Object.defineProperty(one.options, "secure", {
      configurable: true,
      get: () => {
        throw problem;
      },
    });
    await expect(one.listen(path)).rejects.toBe(problem);
    expect([one.server.listening, existsSync(path)]).toEqual([false, false]);
    Object.defineProperty(one.options, "secure", { value: false });
    await one.listen(path);
    expect(await greets({ path })).toBe(true);
  });

  test("a session has no addresses", async () => {
    const [one, path] = [server(), freshPath()];
    await one.listen(path);
    const client = new SocketClient({ path });
    await client.reply();
    const [connection] = [...one.connections];
    expect(connection?.session).toMatchObject({
      remoteAddress: "",
      remotePort: 0,
      localAddress: "",
      localPort: 0,
    });
    client.end();
  });

  test("a socket whose process was killed is replaced", async () => {
    const path = freshPath();
    const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL");`;
    await Bun.spawn([process.execPath, "-e", script]).exited;
    expect(statSync(path).isSocket()).toBe(true);
    const one = server();
    await one.listen(path);
    expect(await greets({ path })).toBe(true);
  });

  test("a socket that answers is not: EADDRINUSE, and the other goes on", async () => {
    const [one, two, path] = [server(), server(), freshPath()];
    await one.listen(path);
    const error = await two.listen(path).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: "EADDRINUSE",
      syscall: "listen",
      address: path,
      message: expect.stringContaining(`${path} (another process listens on it: `),
    });
    expect(error).not.toHaveProperty("port");
    expect(await greets({ path })).toBe(true);
  });

  test("a file that is not a socket stays as it is", async () => {
    const path = freshPath();
    writeFileSync(path, "precious");
    await expect(server().listen(path)).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining(`${path} (this file is not a socket`),
    });
    expect(await Bun.file(path).text()).toBe("precious");
  });

  test("a folder that is not there", async () => {
    await expect(server().listen(join(folder, "none", "x.sock"))).rejects.toMatchObject({
      code: "ENOENT",
      syscall: "listen",
      message: expect.stringContaining("x.sock (the folder of the socket does not exist)"),
    });
  });

  test.each([
    ["write to", 0o555],
    ["look into", 0o000],
  ])("a folder that the process may not %s", async (_, mode) => {
    const locked = mkdtempSync(join(folder, "locked-"));
    chmodSync(locked, mode);
    chmodSync(folder, 0o755);
    // Root may write anywhere.
    const script = `
      import { SMTPServer } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
      if (process.getuid() === 0) process.setuid(65534);
      const error = await new SMTPServer({ logger: false }).listen(${JSON.stringify(join(locked, "x"))}).catch((e) => e);
      console.log(error.code, error.errno, error.message);
    `;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    expect(await child.stdout.text()).toMatch(
      /^EACCES -13 listen EACCES: permission denied \S+\/x \(the user of this process must be allowed to write/,
    );
  });

  test("a path that is too long", async () => {
    await expect(server().listen(join(folder, "x".repeat(200)))).rejects.toMatchObject({
      syscall: "listen",
      message: expect.stringContaining("(the path of a unix socket may have at most 107 bytes)"),
    });
  });
});
