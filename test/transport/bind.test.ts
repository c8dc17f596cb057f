/** What listens where, and what is said where nothing can. */
import { afterAll, afterEach, describe, expect, mock, spyOn, test } from "bun:test";
import { existsSync, linkSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bind, type ListenTarget, prepare } from "../../src/transport/bind.js";
import { SecureContexts } from "../../src/transport/secure-contexts.js";

const folder = mkdtempSync(join(tmpdir(), "bun-smtp-bind-"));
afterAll(() => rmSync(folder, { recursive: true }));
let paths = 0;
const freshPath = (): string => join(folder, String(++paths));

afterEach(() => void mock.restore());

const ALL: ListenTarget = { port: 25, reusePort: false, ipv6Only: false };
const at = (host: string): ListenTarget => ({ ...ALL, host });
const contexts = (): SecureContexts => new SecureContexts({ logger: false });
const bound = (target: ListenTarget): ReturnType<typeof bind> => bind(target, contexts, () => {});
const { signal } = new AbortController();

/** A listener that binds nothing. */
class FakeListener {
  readonly port = 2525;
  readonly stop = mock();
  readonly ref = mock();
  readonly unref = mock();
}

/** What `Bun.listen` does at its first calls: an object is what it throws. */
function listens(...answers: unknown[]): { hosts: () => unknown[]; listener: FakeListener } {
  const listener = new FakeListener();
  const listen = spyOn(Bun, "listen").mockImplementation((() => {
    const answer = answers.shift();
    if (answer !== undefined) throw answer;
    return listener;
  }) as never);
  return {
    hosts: () => listen.mock.calls.map(([options]) => (options as { hostname?: string }).hostname),
    listener,
  };
}

const failure = (code?: string, errno?: number, message = "Failed to listen"): Error =>
  Object.assign(new Error(message), code && { code }, errno !== undefined && { errno });

/** The error of a bind. */
function errorOf(target: ListenTarget): unknown {
  try {
    bound(target);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("all interfaces", () => {
  test.each(["EAFNOSUPPORT", "EADDRNOTAVAIL"])("are those of IPv4 on a machine without IPv6: %s", (code) => {
    const { hosts } = listens(failure(code));
    expect(bound(ALL).where).toEqual({ host: "0.0.0.0", port: 2525 });
    expect(hosts()).toEqual(["::", "0.0.0.0"]);
  });

  test("are tried once where the reason is another", () => {
    const { hosts } = listens(failure("EADDRINUSE", 98));
    expect(errorOf(ALL)).toMatchObject({ code: "EADDRINUSE", address: "::" });
    expect(hosts()).toEqual(["::"]);
  });
});

test("an address is bound without a look-up", () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const target = at(host);
    expect(prepare(target, signal)).toBe(target);
  }
});

test("the error of a look-up is the cause of the one that advises", async () => {
  const hostname = `${"x".repeat(64)}.invalid`;
  const error: unknown = await Promise.resolve(prepare(at(hostname), signal)).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "ENOTFOUND", errno: expect.any(Number), cause: expect.any(Error) });
});

test("a listener keeps the process running or not, and stops without its clients", () => {
  const { listener } = listens();
  const { ref, unref, stop } = bound(at("::1"));
  unref();
  expect([listener.unref, listener.ref, listener.stop].map((call) => call.mock.calls)).toEqual([
    [[]],
    [],
    [],
  ]);
  ref();
  stop();
  expect([listener.ref, listener.stop].map((call) => call.mock.calls)).toEqual([[[]], [[false]]]);
});

describe("the error", () => {
  const long = (length: number): ListenTarget => ({ path: `/${"x".repeat(length - 1)}` });
  const errors: [title: string, thrown: unknown, target: ListenTarget, expected: object][] = [
    [
      "of a low port says who may use it",
      failure("EACCES", 13),
      at("::1"),
      {
        errno: -13,
        message: expect.stringMatching(/^listen EACCES: permission denied ::1:25 \(only root .* firewall\)$/),
      },
    ],
    [
      "of a folder says who may write to it",
      failure("EACCES", 13),
      { path: "/x" },
      {
        message:
          "listen EACCES: permission denied /x (the user of this process must be allowed to write to the folder)",
      },
    ],
    [
      "without a code is that of an address that this machine does not have",
      failure(),
      at("::1"),
      {
        code: "EADDRNOTAVAIL",
        errno: -99,
        message: expect.stringMatching(/^listen EADDRNOTAVAIL: .*::1:25 \(this machine /),
      },
    ],
    [
      "with a code that Node does not know has Bun's message, and no advice",
      failure("EWEIRD", 9999, "odd"),
      at("::1"),
      { code: "EWEIRD", errno: -9999, message: "listen EWEIRD: odd ::1:25" },
    ],
    ["that is no Error becomes one", "odd", at("::1"), { message: "odd" }],
    [
      "of a path over the limit says so",
      failure("EINVAL", 22),
      long(108),
      {
        message: expect.stringMatching(
          /^listen EINVAL: .* \(the path of a unix socket may have at most 107 bytes\)$/,
        ),
      },
    ],
    [
      "of the longest path says nothing of it",
      failure("EINVAL", 22),
      long(107),
      { message: expect.stringMatching(/^listen EINVAL: invalid argument \/x{106}$/) },
    ],
    [
      "of a port neither",
      failure("EINVAL", 22),
      at("x".repeat(200)),
      { message: expect.stringMatching(/^listen EINVAL: invalid argument x{200}:25$/) },
    ],
  ];
  test.each(errors)("%s", (_, thrown, target, expected) => {
    listens(thrown);
    const error = errorOf(target);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(expected);
  });

  test("of permissions has the number of the system's, and nothing listens", () => {
    // The listener makes no file.
    const { listener } = listens();
    const path = freshPath();
    expect(errorOf({ path, mode: 0o600 })).toMatchObject({
      code: "ENOENT",
      errno: -2,
      syscall: "chmod",
      address: path,
      cause: expect.any(Error),
    });
    expect(listener.stop).toHaveBeenCalledWith(false);
  });

  test("of permissions has none where there is none", () => {
    listens();
    expect(errorOf({ path: "\0abstract", mode: 0o600 })).not.toHaveProperty("errno");
  });
});

describe("the file of a socket", () => {
  /** One that no process listens on any more: a second name of one that did. */
  function stale(): string {
    const [first, second] = [freshPath(), freshPath()];
    const listener = Bun.listen({ unix: first, socket: { data() {} } });
    linkSync(first, second);
    listener.stop(true);
    return second;
  }

  test("is removed where no process listens on it", async () => {
    const path = stale();
    await prepare({ path }, signal);
    expect(existsSync(path)).toBe(false);
  });

  test("is not removed once the listen was cancelled", async () => {
    const path = stale();
    const controller = new AbortController();
    const prepared = prepare({ path }, controller.signal);
    controller.abort();
    expect(await Promise.resolve(prepared).catch((error: unknown) => error)).toBe(controller.signal.reason);
    expect(existsSync(path)).toBe(true);
  });

  test("is not removed where it cannot be known", async () => {
    const path = stale();
    spyOn(Bun, "connect").mockRejectedValue(failure("EACCES", 13));
    await prepare({ path }, signal);
    expect(existsSync(path)).toBe(true);
  });

  test("is not looked for where there is none", () => {
    for (const path of [freshPath(), "\0abstract", folder]) {
      const target = { path };
      expect(prepare(target, signal)).toBe(target);
    }
  });
});
