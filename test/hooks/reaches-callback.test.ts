import { afterEach, describe, expect, mock, test } from "bun:test";
import { callbackify, deprecate, promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { mayReachCallback } from "../../src/hooks/reaches-callback.js";
import { SMTPServer, type SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { collectWarnings } from "../support/warnings.js";

collectWarnings();

type Callback = (error?: unknown, value?: unknown) => void;
type Hook = (...args: never[]) => unknown;

/** The callbacks and promises that a shape waits with, until the test refuses. */
const waiting: Callback[] = [];
const later = (callback: Callback): void => void waiting.push(callback);
const wait = (): Promise<void> =>
  new Promise((resolve, reject) => waiting.push((error) => (error ? reject(error) : resolve())));
const refusal = Object.assign(new Error("blocked"), { responseCode: 553 });

afterEach(() => void (waiting.length = 0));

/** TypeScript's helper for async functions, for a target before ES2017. */
function awaiter(
  owner: unknown,
  args: unknown[],
  _promise: unknown,
  generator: () => Generator,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const steps = generator.apply(owner, (args || []) as []);
    const step = (how: "next" | "throw", value?: unknown): void => {
      try {
        const result = steps[how](value);
        if (result.done) resolve(result.value);
        else
          Promise.resolve(result.value).then(
            (next) => step("next", next),
            (error: unknown) => step("throw", error),
          );
      } catch (error) {
        reject(error);
      }
    };
    step("next");
  });
}

/** Babel's. */
function toGenerator(generator: () => Generator): () => Promise<unknown> {
  return function (this: unknown) {
    return awaiter(this, arguments as never, undefined, generator);
  };
}

/** Makes a function of a source as it is: Bun's transpiler would take out the comments and rename things. */
function compile(source: string): Hook {
  const redis = { async eval() {} };
  const names = { later, wait, redis, __awaiter: awaiter, _asyncToGenerator: toGenerator };
  return new Function(...Object.keys(names), `return (${source});`)(...Object.values(names)) as Hook;
}

function withLength(hook: Hook, length: number): Hook {
  return Object.defineProperty(hook, "length", { value: length });
}

const callbackHook = (): Hook => compile("async (a, s, cb) => { later(cb) }");
const realm = createContext({ later, wait });

/** Hooks that answer by the callback that they got, some time after their promise, if they return one. */
const BY_CALLBACK: Record<string, string | (() => Hook)> = {
  // Declared.
  "an arrow function": "(a, s, cb) => { later(cb) }",
  "an async arrow function": "async (a, s, cb) => { later(cb) }",
  "a function": "function (a, s, cb) { later(cb) }",
  "an async function": "async function (a, s, cb) { later(cb) }",
  "a function with a name": "async function onMailFrom(a, s, cb) { later(cb) }",
  "a method": "({ async m(a, s, cb) { later(cb) } }).m",
  "a method of a class": "new (class { async m(a, s, cb) { later(cb) } })().m",
  "a static method": "(class { static async m(a, s, cb) { later(cb) } }).m",
  "a private method": "new (class { async #m(a, s, cb) { later(cb) } get m() { return this.#m } })().m",
  "a field of a class": "new (class { m = async (a, s, cb) => { later(cb) } })().m",
  "a fourth parameter": "async (a, s, cb, more) => { later(cb) }",
  "a promise that is fulfilled": "(a, s, cb) => { later(cb); return Promise.resolve() }",
  "a thenable that is fulfilled": "(a, s, cb) => { later(cb); return { then(ok) { ok() } } }",
  "a return value": "(a, s, cb) => { later(cb); return true }",
  "patterns before the callback": "async ({ address }, { id }, cb) => { later(cb) }",
  "the callback by then": "async (a, s, cb) => { Promise.resolve().then(() => later(cb)) }",
  // arguments: the first is that of the issue.
  "minified, // in a regular expression":
    "async function(a,s){if(/^https?:\\/\\//.test(a.address))return;var cb=arguments[arguments.length-1];later(cb)}",
  "minified, ' in a regular expression":
    "async function(a,s){if(/'/.test(a.address))return;later(arguments[2]);return'x'}",
  'minified, " in a regular expression':
    'async function(a,s){if(/"/.test(a.address))return;later(arguments[2]);return"x"}',
  "minified, ` in a regular expression":
    "async function(a,s){if(/`/.test(a.address))return;later(arguments[2]);return`x`}",
  "minified, /* in a regular expression": "async function(a,s){/[/*]/.test('');later(arguments[2]);/*/*/}",
  "// in a class of a regular expression": "async function(a,s){/[//]/.test('');later(arguments[2])}",
  "in a template": "async function (a, s) { return `${later(arguments[2])}` }",
  "in a template in a template": "async function (a, s) { return `${`${later(arguments[2])}`}` }",
  "behind a comment with an apostrophe": "async function (a, s) { /* don't */ later(arguments[2]) /* ' */ }",
  "in an arrow function": "async function (a) { (() => later(arguments[2]))() }",
  "no parameter": "async function () { later(arguments[2]) }",
  destructured: "async function (a) { const [, , cb] = arguments; later(cb) }",
  applied: "async function (a) { (function (x, y, cb) { later(cb) }).apply(this, arguments) }",
  spread: "async function (a) { ((x, y, cb) => later(cb))(...arguments) }",
  "with an escape": "async function (a) { later(\\u0061rguments[2]) }",
  "with an escape in braces": "async function (a) { later(argument\\u{00073}[2]) }",
  "by eval": 'async function (a) { later(eval("argu" + "ments[2]")) }',
  "by eval behind a member": 'async function (a) { a.address;eval("later(argu" + "ments[2])") }',
  "in a method": "({ async m(a) { later(arguments[2]) } }).m",
  "in the default of a pattern": "async function ({ cb = arguments[2] }) { later(cb) }",
  // Rest and default parameters.
  "rest alone": "async (...all) => { later(all[2]) }",
  "rest behind a parameter": "async (a, ...all) => { later(all[1]) }",
  "rest that is a pattern": "async (a, s, ...[cb]) => { later(cb) }",
  "a default of the callback": "async (a, s, cb = () => {}) => { later(cb) }",
  "a default before the callback": "async (a, s = {}, cb) => { later(cb) }",
  "a default of the first parameter": "async (a = 1, s, cb) => { later(cb) }",
  "a default behind patterns with defaults": "async ({ a = {} }, { b = '(' }, cb = c) => { later(cb) }",
  "a default of a pattern": "async ({ address } = {}, s, cb) => { later(cb) }",
  "a call in a pattern before a rest": "async ({ a = String('{') }, ...all) => { later(all[1]) }",
  "a quote as an escape before a rest": "async ({ a = '\\u0027' }, ...all) => { later(all[1]); ')' }",
  "an escape in a string before a rest": "async ({ a = '\\')' }, ...all) => { later(all[1]) }",
  "a template in a pattern before a rest": "async ({ a = `'${1})` }, ...all) => { later(all[1]) }",
  "a regular expression in a pattern before a rest":
    "async ({ a = /'}/ }, ...all) => { later(all[1]) /* ' */ }",
  "a function in a pattern": "async ({ a = (x) => x }, ...all) => { later(all[1]) }",
  "a pattern with a default": "async function (a, { x, ...y } = {}, cb) { later(cb) }",
  ") in a comment before a rest": "async (a /* ) */, ...all) => { later(all[1]) }",
  ") in a line comment before a rest": "async (a, // )\n ...all) => { later(all[1]) }",
  ") in a string before a rest": 'async (a = ")", ...all) => { later(all[1]) }',
  ") in a template before a rest": "async (a = `)`, ...all) => { later(all[1]) }",
  ") in a regular expression before a rest": "async (a = /[)]/, ...all) => { later(all[1]) }",
  ") in a pattern before a rest": 'async ({ x = ")" }, ...all) => { later(all[1]) }',
  ") in the key of a pattern before a rest": 'async ({ ")": x }, ...all) => { later(all[1]) }',
  ") in the computed key of a pattern": 'async ({ [String(")")]: x }, ...all) => { later(all[1]) }',
  "a computed name with =>": '({ async [(x => "m")()](a, ...all) { later(all[1]) } }).m',
  "a computed name with ( and )": '({ async ["m(a) {"](a, ...all) { later(all[1]) } })["m(a) {"]',
  "a computed name with ]": '({ async ["](a)"](a, ...all) { later(all[1]) } })["](a)"]',
  "a name in quotes": '({ async "m(a)"(a, ...all) { later(all[1]) } })["m(a)"]',
  "a comment before the parameters": "async function /* (a) */ f(a, ...all) { later(all[1]) }",
  "minified, a rest of an async function": "async function(...t){later(t[2])}",
  "minified, a rest of a function": "function(...t){later(t[2])}",
  "minified, a rest of an async arrow function": "async(...t)=>{later(t[2])}",
  "minified, a rest of an arrow function": "(...t)=>{later(t[2])}",
  "minified, a rest of a method": "({m(...t){later(t[2])}}).m",
  // Compiled.
  "TypeScript to ES2015":
    "function (a, s, cb) { return __awaiter(this, void 0, void 0, function* () { later(cb) }) }",
  "TypeScript to ES2015, with arguments":
    "function (a, s) { var arguments_1 = arguments; return __awaiter(this, arguments, void 0, function* () { later(arguments_1[2]) }) }",
  "TypeScript to ES2015, an arrow function with a rest":
    "(...args_1) => __awaiter(void 0, [...args_1], void 0, function* (a, s, cb) { later(cb) })",
  Babel:
    "(() => { var _ref = _asyncToGenerator(function* (a, s, cb) { later(cb) }); return function (_x, _x2) { return _ref.apply(this, arguments) } })()",
  // Wrapped.
  bound: () => callbackHook().bind({}) as Hook,
  "bound, which declares nothing": () =>
    compile("async function () { later(arguments[2]) }").bind({}) as Hook,
  "bound, with an argument": () =>
    compile("async (x, a, s, cb) => { later(cb) }").bind({}, 1 as never) as Hook,
  "bound twice": () => (callbackHook().bind({}) as Hook).bind({}) as Hook,
  "call, bound": () =>
    Function.prototype.call.bind(function (this: unknown, _s: unknown, cb: Callback) {
      later(cb);
      return Promise.resolve();
    } as never) as Hook,
  "a Proxy": () => new Proxy(callbackHook(), {}),
  "a Proxy that hides its length": () => new Proxy(callbackHook(), { get: () => 0 }),
  "a Proxy that shows nothing": () =>
    new Proxy(callbackHook(), {
      get() {
        throw new Error("not for you");
      },
    }),
  "a mock": () => mock(callbackHook()) as Hook,
  "a mock of one parameter": () => mock(compile("async function (a) { later(arguments[2]) }")) as Hook,
  promisified: () => promisify(callbackHook() as never) as Hook,
  callbackified: () => callbackify(async () => wait()) as Hook,
  deprecated: () => deprecate(callbackHook(), "do not use", "") as Hook,
  "a wrapper of rest parameters": () => {
    const hook = callbackHook();
    return (...args) => hook(...args);
  },
  "a wrapper that calls without waiting": () => {
    const hook = callbackHook();
    return async (...args) => void hook(...args);
  },
  "a wrapper by apply": () =>
    function (this: unknown, ...args) {
      return Reflect.apply(callbackHook(), this, args) as unknown;
    },
  "a length of 0": () => withLength(callbackHook(), 0),
  "a length of 1": () => withLength(callbackHook(), 1),
  "a length of 2, with patterns": () =>
    withLength(compile("async ({ a, b }, { id, envelope: { mailFrom, rcptTo } }, cb) => { later(cb) }"), 2),
  "a length that throws": () =>
    Object.defineProperty(callbackHook(), "length", {
      get() {
        throw new Error("not for you");
      },
    }),
  "a length that is no number": () => withLength(compile("async function (a) { later(arguments[2]) }"), NaN),
  "a toString of its own": () => Object.assign(callbackHook(), { toString: () => "async (a) => {}" }),
  "as Function makes it": "function anonymous(a,s\n) {\nlater(arguments[2]); return Promise.resolve()\n}",
  "as AsyncFunction makes it": "async function anonymous(...all\n) {\nlater(all[2])\n}",
  "of another realm": () => runInContext("async (a, s, cb) => { later(cb) }", realm) as Hook,
  "of another realm, rest": () => runInContext("async (a, ...all) => { later(all[1]) }", realm) as Hook,
};

/** Hooks that answer by the promise that they return. */
const BY_PROMISE: Record<string, string | (() => Hook)> = {
  "async, no parameter": "async () => { await wait() }",
  "async, one parameter": "async (a) => { await wait() }",
  "async, two parameters": "async (a, s) => { await wait() }",
  "async, a trailing comma": "async (a, s,) => { await wait() }",
  "async, no parentheses": "async a => wait()",
  "no parentheses": "a => wait()",
  "no parentheses, $": "async $ => wait()",
  "not async": "(a) => wait()",
  "not async, no parameter": "() => wait()",
  "a function": "function (a, s) { return wait() }",
  "an async function": "async function (a) { await wait() }",
  "an async function with a name": "async function onMailFrom(a) { await wait() }",
  "a name in another script": "async function größe(adresse) { await wait() }",
  "a method": "({ async m(a) { await wait() } }).m",
  "a method called async": "({ async(a) { return wait() } }).async",
  "a method called get": "({ async get(a) { await wait() } }).get",
  "a method of a class": "new (class { async m(a, s) { await wait() } })().m",
  "a static method": "(class { static async m(a) { await wait() } }).m",
  "a private method": "new (class { async #m(a) { await wait() } get m() { return this.#m } })().m",
  "a field of a class": "new (class { m = async (a) => { await wait() } })().m",
  "a pattern": "async ({ address, args }, { envelope }) => { await wait() }",
  "a pattern in a pattern":
    "async ({ address: a, args: { SIZE } }, { envelope: { rcptTo: [to] } }) => { await wait() }",
  "a list in a pattern":
    "async ({ address }, { envelope: { rcptTo: [one, two, three, four] } }) => { await wait() }",
  "a default in a pattern": 'async ({ username = "", password }, session) => { await wait() }',
  "defaults in patterns":
    "async ({ a = {}, b = [], c: { d = '),...(' } = {}, address = x.y }, { f = 1.5 }) => { await wait() }",
  "a rest in a pattern": "async ({ address, ...others }, s) => { await wait() }",
  "a string as the key of a pattern": "async ({ '...a)': a }, s) => { await wait() }",
  "a pattern over several lines": "async function (\n  { address },\n  s,\n) { await wait() }",
  "minified, patterns": "async({address:e,args:t},{id:n})=>{await wait()}",
  "strings with braces in patterns": `async ({ a = "{,", b }, { c = '{,', d }) => { await wait() }`,
  "more white space": "async  function  onMailFrom  (a) { await wait() }",
  "more white space, an arrow function": "async  (a)  =>  { await wait() }",
  "more white space, no parentheses": "async  address  =>  wait()",
  "minified, no parentheses": "async address=>wait()",
  "= and ... in the body": "async (a) => { const all = [...'abc']; await wait() }",
  "a rest parameter in the body": "async (a) => { ((...all) => all)(1); await wait() }",
  "strings with parentheses": "async (a) => { ')(=...'; await wait() }",
  "eval of something else": "async (a) => { await redis.eval('x'); await wait() }",
  "eval of something else, on the next line": "async (a) => { await redis.\n eval('x'); await wait() }",
  "a longer word": "async (a) => { const argumentsOf = 1, my_arguments = 2; await wait() }",
  "an escape in the body": "async (a) => { /[\\u0000-\\u001f]/.test('\\u0061'); await wait() }",
  "TypeScript to ES2015":
    "function (a, s) { return __awaiter(this, void 0, void 0, function* () { yield wait() }) }",
  "TypeScript to ES2015, an arrow function":
    "(a_1, s_1) => __awaiter(void 0, [a_1, s_1], void 0, function* ({ address }, s) { yield wait() })",
  "Babel, a method": "({ m(a) { return _asyncToGenerator(function* () { yield wait() })() } }).m",
  "as Function makes it": "function anonymous(a,s\n) {\nreturn wait()\n}",
  "as AsyncFunction makes it": "async function anonymous(a\n) {\nawait wait()\n}",
  "a thenable": "(a) => { const p = wait(); return { then: (ok, no) => void p.then(ok, no) } }",
  "a thenable that gives a promise": "(a) => ({ then: (ok) => ok(wait()) })",
  "a function with then":
    "(a) => { const p = wait(); return Object.assign(() => {}, { then: (ok, no) => p.then(ok, no) }) }",
  "a subclass of Promise": "(a) => new (class extends Promise {})((ok, no) => wait().then(ok, no))",
  "of another realm": () => runInContext("async (a) => { await wait() }", realm) as Hook,
  "an own property called toString": () =>
    Object.assign(compile("async (a) => { await wait() }"), { toString: () => "(a, s, cb) => {}" }),
};

const made = (shape: string | (() => Hook)): Hook => (typeof shape === "string" ? compile(shape) : shape());

const shapes = (table: typeof BY_CALLBACK): [string, string | (() => Hook)][] => Object.entries(table);

async function mail(hook: unknown): Promise<MemoryClient> {
  const client = await hello(makeServer({ onMailFrom: hook } as SMTPServerOptions));
  client.send("MAIL FROM:<a@a.test>\r\n");
  return client;
}

describe("a hook that may reach its callback is waited for", () => {
  test.each(shapes(BY_CALLBACK))("%s", async (_, shape) => {
    const client = await mail(made(shape));
    expect(await client.idle()).toBe("");
    expect(waiting.length).toBeGreaterThan(0);
    for (const answer of waiting) answer(refusal);
    expect(await client.reply()).toBe("553 blocked");
    expect(await client.say("RCPT TO:<b@b.test>")).toBe("503 Error: need MAIL command");
  });

  test.each(shapes(BY_CALLBACK))("%s, and may accept", async (_, shape) => {
    const client = await mail(made(shape));
    expect(await client.idle()).toBe("");
    for (const answer of waiting) answer();
    expect(await client.reply()).toBe("250 Accepted");
  });
});

describe("a hook that cannot reach its callback answers by its promise", () => {
  test.each(shapes(BY_PROMISE))("%s: rejects", async (_, shape) => {
    const client = await mail(made(shape));
    expect(await client.idle()).toBe("");
    for (const answer of waiting) answer(refusal);
    expect(await client.reply()).toBe("553 blocked");
  });

  test.each(shapes(BY_PROMISE))("%s: resolves", async (_, shape) => {
    const client = await mail(made(shape));
    expect(await client.idle()).toBe("");
    for (const answer of waiting) answer();
    expect(await client.reply()).toBe("250 Accepted");
  });
});

/** Neither a callback nor a promise: whatever these are taken for, they accept nothing. */
const NEITHER: Record<string, string> = {
  "a generator": "function* (a) { yield 1 }",
  "an async generator": "async function* (a) { yield 1 }",
  "a class": "class { constructor(a, s, cb) { later(cb) } }",
  "a value": "(a) => 250",
  "an object with a then that is no function": "(a) => ({ then: true })",
  "a then that throws": "(a) => ({ then() { throw new Error('no') } })",
  "a then that cannot be read": "(a) => ({ get then() { throw new Error('no') } })",
};

test.each(Object.entries(NEITHER))("nothing is accepted by %s", async (_, source) => {
  const client = await mail(compile(source));
  expect(await client.reply()).toMatch(/^(451|550) /);
  expect(await client.say("NOOP")).toBe("250 OK");
});

describe("Function.prototype.toString, replaced by a program", () => {
  const original = Function.prototype.toString;
  const replaced = async (by: () => string, hook: Hook): Promise<string> => {
    Function.prototype.toString = by;
    try {
      return await (await mail(hook)).idle();
    } finally {
      Function.prototype.toString = original;
    }
  };

  test("its word does not count", async () => {
    expect(await replaced(() => "async (a) => {}", callbackHook())).toBe("");
    expect(await replaced(() => "async (a) => {}", compile("async (...all) => { later(all[2]) }"))).toBe("");
    expect(await replaced(() => "(...all) => {}", compile("async (a) => {}"))).toBe("250 Accepted\r\n");
  });

  test("nor does its error", async () => {
    const fail = (): never => {
      throw new Error("not for you");
    };
    expect(await replaced(fail, compile("async (...all) => { later(all[2]) }"))).toBe("");
    expect(await replaced(fail, compile("async (a) => {}"))).toBe("250 Accepted\r\n");
  });

  /** What a program prints in which something else was loaded before bun-smtp. */
  async function afterPreload(replacement: string): Promise<string> {
    const source = new URL("../../src/hooks/reaches-callback.ts", import.meta.url).pathname;
    const program = `
      const original = Function.prototype.toString;
      Function.prototype.toString = ${replacement};
      const { mayReachCallback } = await import(${JSON.stringify(source)});
      const wrapped = async (...all) => {};
      wrapped.original = async (a) => {};
      console.log(mayReachCallback(wrapped, 3), mayReachCallback(async (a) => {}, 3));`;
    const { stdout } = Bun.spawn([process.execPath, "-e", program], { stderr: "inherit" });
    return (await new Response(stdout).text()).trim();
  }

  test("even if it was replaced before this library was loaded", async () => {
    expect(await afterPreload("function () { return original.call(this.original ?? this) }")).toBe(
      "true false",
    );
    expect(await afterPreload("() => { throw new Error('not for you') }")).toBe("true false");
  });
});

test("a hook of two parameters is judged by the parameters of each hook that it is", () => {
  const hook = compile("async (session, callback) => {}");
  expect([mayReachCallback(hook, 3), mayReachCallback(hook, 2)]).toEqual([false, true]);
});

describe("each hook waits for its callback", () => {
  const HOOKS: Record<string, { parameters: string[]; lines: string[]; accepted: string; options?: object }> =
    {
      onConnect: { parameters: ["s"], lines: [], accepted: "220" },
      onSecure: { parameters: ["t", "s"], lines: ["STARTTLS"], accepted: "" },
      onHelo: { parameters: ["s"], lines: ["EHLO again"], accepted: "250" },
      onAuth: { parameters: ["a", "s"], lines: ["AUTH PLAIN AHUAcA=="], accepted: "235" },
      onMailFrom: { parameters: ["a", "s"], lines: ["MAIL FROM:<a@a.test>"], accepted: "250" },
      onRcptTo: {
        parameters: ["a", "s"],
        lines: ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>"],
        accepted: "250",
      },
      onData: {
        parameters: ["a", "s"],
        lines: ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA", "hi\r\n."],
        accepted: "250",
      },
    };
  const ways: Record<string, (parameters: string) => string> = {
    declared: (parameters) => `async (${parameters}, cb) => { later(cb) }`,
    arguments: (parameters) => `async function(${parameters}){/'/;later(arguments[arguments.length-1])}`,
    rest: (parameters) => `async (${parameters}, ...all) => { later(all.at(-1)) }`,
  };

  async function ask(name: string, hook: Hook): Promise<MemoryClient> {
    const { lines } = HOOKS[name] as (typeof HOOKS)[string];
    const server = makeServer({ allowInsecureAuth: true, [name]: hook } as SMTPServerOptions);
    const client = new MemoryClient(server);
    if (name === "onConnect") return client;
    await client.reply();
    if (name !== "onHelo") await client.say("EHLO client.test");
    for (const line of lines.slice(0, -1)) await client.say(line);
    client.send(`${lines.at(-1)}\r\n`);
    if (name === "onSecure") {
      await client.reply();
      client.transport.handshake();
    }
    return client;
  }

  for (const [name, { parameters, accepted }] of Object.entries(HOOKS)) {
    test.each(Object.entries(ways))(`${name}, %s`, async (_, make) => {
      const client = await ask(name, compile(make(parameters.join(", "))));
      expect(await client.idle()).toBe("");
      for (const answer of waiting) answer(Object.assign(new Error("blocked"), { responseCode: 554 }));
      expect(await client.reply()).toBe("554 blocked");
      await client.leave();
    });

    test(`${name} without a parameter answers by its promise`, async () => {
      const client = await ask(name, compile("async () => { await wait(); return { user: 'x' } }"));
      expect(await client.idle()).toBe("");
      for (const answer of waiting) answer();
      expect(await client.idle()).toStartWith(accepted);
    });
  }
});

test("a subclass that overrides a hook with a rest parameter is waited for", async () => {
  class Mine extends SMTPServer {
    override async onMailFrom(...all: unknown[]): Promise<void> {
      later(all[2] as Callback);
    }
  }
  const client = await hello(new Mine({ authOptional: true, disableReverseLookup: true, logger: false }));
  client.send("MAIL FROM:<a@a.test>\r\n");
  expect(await client.idle()).toBe("");
  for (const answer of waiting) answer(refusal);
  expect(await client.reply()).toBe("553 blocked");
});
