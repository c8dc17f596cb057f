import { describe, expect, spyOn, test } from "bun:test";
import { SMTPServer, type DataStream, type SMTPServerOptions } from "../src/index.js";
import { silent } from "../src/logger.js";
import { Settings } from "../src/options.js";
import { hello, makeServer, MemoryClient } from "./support/client.js";

type OptionName = keyof SMTPServerOptions;
/** Options as a program without types may give them. */
const make = (options: unknown): SMTPServer => makeServer(options as SMTPServerOptions);

const NUMBERS: OptionName[] = [
  "size",
  "maxRecipients",
  "maxClients",
  "maxClientsPerAddress",
  "maxAllowedUnauthenticatedCommands",
  "maxErrors",
  "maxAuthAttempts",
  "maxCommandLength",
  "socketTimeout",
  "minDataRate",
  "closeTimeout",
  "earlyTalkerDelay",
];
const LISTS: OptionName[] = ["authMethods", "disabledCommands", "ignoredHosts"];
const TRUST_LISTS: OptionName[] = ["useProxy", "useXClient", "useXForward"];
const HOOKS: OptionName[] = [
  "onConnect",
  "onSecure",
  "onHelo",
  "onAuth",
  "onMailFrom",
  "onRcptTo",
  "onData",
  "onClose",
];
const FLAGS: OptionName[] = [
  "secured",
  "lmtp",
  "hideSize",
  "rejectOversized",
  "authOptional",
  "allowInsecureAuth",
  "hideSTARTTLS",
  "hidePIPELINING",
  "hide8BITMIME",
  "hideSMTPUTF8",
  "hideCHUNKING",
  "hideENHANCEDSTATUSCODES",
  "hideDSN",
  "hideREQUIRETLS",
  "hideBINARYMIME",
  "lenientAddressParsing",
  "rejectUnknownParameters",
  "disableReverseLookup",
];
const TEXTS: OptionName[] = ["name", "banner", "heloResponse", "authRequiredMessage", "component"];

describe("an impossible value throws a TypeError that names the option", () => {
  const cases: [OptionName, unknown][] = [
    ...NUMBERS.flatMap((name) =>
      [-1, NaN, -Infinity, "many", "-1", "", " ", true, {}, [], () => 1].map(
        (value): [OptionName, unknown] => [name, value],
      ),
    ),
    ...LISTS.flatMap((name) =>
      [7, {}, [7], [null], ["PLAIN", 7], true].map((value): [OptionName, unknown] => [name, value]),
    ),
    ["ignoredHosts", "127.0.0.1"],
    ...TRUST_LISTS.flatMap((name) =>
      [
        "127.0.0.1",
        7,
        {},
        [7],
        ["10.0.0.0/33"],
        ["::/129"],
        ["10.0.0.0/-1"],
        ["10.0.0.0/"],
        ["mx.test"],
        [""],
      ].map((value): [OptionName, unknown] => [name, value]),
    ),
    ["bareNewlines", "allow"],
    ["bareNewlines", true],
    ["resolver", {}],
    ["resolver", { reverse: "no" }],
    ["logger", "console"],
    ["logger", 7],
    ...HOOKS.flatMap((name) =>
      ["mail.js", 7, {}, true, Promise.resolve()].map((value): [OptionName, unknown] => [name, value]),
    ),
    ["cert", "no PEM"],
    ["key", "no PEM"],
    ["sniOptions", "mx.test"],
    ["SNICallback", "mx.test"],
  ];
  for (const [name, value] of cases) {
    test(`${name}: ${typeof value === "function" ? "a function" : Number.isNaN(value) ? "NaN" : JSON.stringify(value)}`, () => {
      const attempt = (): SMTPServer => make({ [name]: value });
      expect(attempt).toThrow(TypeError);
      expect(attempt).toThrow(name);
    });
  }

  test.each([
    [{ size: "10MB" }, "size: must be a number of bytes, 0 or more, got '10MB'"],
    [{ socketTimeout: {} }, "socketTimeout: must be a number of milliseconds, 0 or more, got {}"],
    [{ size: { a: { b: 1 } } }, "size: must be a number of bytes, 0 or more, got { a: [Object] }"],
    [{ logger: "x".repeat(99) }, `logger: must be true, false or a logger object, got '${"x".repeat(99)}'`],
    [
      { ignoredHosts: Object.fromEntries([..."abcdefghijklmnop"].map((key) => [key, key])) },
      `ignoredHosts: must be an array of strings, got { ${[..."abcdefghijklmnop"].map((key) => `${key}: '${key}'`).join(", ")} }`,
    ],
    [{ resolver: {} }, "resolver: must be an object with a method reverse(ip, callback)"],
    [{ authMethods: [1] }, "authMethods: must be an array of strings, got [ 1 ]"],
    [
      { bareNewlines: "normalise" },
      `bareNewlines: must be "reject", "normalize" or "accept", got 'normalise'`,
    ],
    [{ onData: "x" }, "onData: must be a function, got 'x'"],
    [
      { onData: Promise.resolve(1) },
      "onData: must be a function, got Promise { 1 }; pass the function itself, without calling it",
    ],
  ])("%o: the error says what it must be and what was given", (options, message) => {
    expect(() => make(options)).toThrow(new TypeError(message));
  });

  test.each([25, "2525", () => 1])("options that are no object: %p", (options) => {
    expect(() => new SMTPServer(options as SMTPServerOptions)).toThrow(/^options: must be an object, got /);
  });

  test("a mechanism that there is none of is said once on stderr, with those that there are", () => {
    const said: unknown[] = [];
    const spy = spyOn(process.stderr, "write").mockImplementation((text) => said.push(text) > 0);
    try {
      make({ authMethods: ["plain", "CRAM-MD4", "LOGIN, XOAUTH2"], logger: undefined });
      make({ authMethods: ["CRAM-MD4"], logger: false });
      make({ authMethods: [" scram-sha-256"], logger: undefined });
    } finally {
      spy.mockRestore();
    }
    expect(said).toEqual([
      expect.stringMatching(
        /^WARNING: authMethods: bun-smtp has no CRAM-MD4, LOGIN, XOAUTH2 and .* PLAIN, LOGIN, CRAM-MD5,.*\n$/,
      ),
    ]);
  });

  test("needsUpgrade without STARTTLS", () => {
    expect(() => make({ needsUpgrade: true, disabledCommands: ["starttls"] })).toThrow(/^needsUpgrade/);
    expect(() => make({ needsUpgrade: true, secure: true, disabledCommands: ["STARTTLS"] })).not.toThrow();
  });
});

describe("what counts as not given", () => {
  const all = [...NUMBERS, ...LISTS, ...TRUST_LISTS, ...HOOKS, ...FLAGS, ...TEXTS];
  const more: OptionName[] = [
    "bareNewlines",
    "resolver",
    "logger",
    "key",
    "cert",
    "ca",
    "pfx",
    "sniOptions",
    "SNICallback",
    "minVersion",
    "needsUpgrade",
    "secure",
  ];

  /** What a server says from greeting to the end of a message. */
  async function conversation(options: unknown): Promise<unknown[]> {
    const client = new MemoryClient(
      make({ disableReverseLookup: true, authOptional: true, ...(options as object) }),
    );
    const greeting = await client.reply();
    return [
      greeting,
      await client.say("EHLO client.test"),
      await client.deliver(),
      await client.say("AUTH PLAIN AHUAcA=="),
    ];
  }
  const bare = conversation({});

  for (const value of [undefined, null]) {
    test(`${value} for every option`, async () => {
      const names = [...all, ...more].filter(
        (name) => !["authOptional", "disableReverseLookup", "name"].includes(name),
      );
      const options = Object.fromEntries(names.map((name) => [name, value]));
      expect(await conversation(options)).toEqual(await bare);
    });
  }

  test("false for every option that is no flag", async () => {
    const options = Object.fromEntries(
      [...NUMBERS, ...LISTS, ...TRUST_LISTS, ...HOOKS, "bareNewlines", "resolver", "logger", "banner"].map(
        (name) => [name, false],
      ),
    );
    expect(await conversation(options)).toEqual(await bare);
  });

  test("0 and Infinity are no limit", async () => {
    // A delay is no limit, and one without an end is a mistake.
    const limits = NUMBERS.filter((name) => name !== "earlyTalkerDelay");
    for (const none of [0, Infinity, "0"]) {
      const options = Object.fromEntries(limits.map((name) => [name, none]));
      expect(await conversation(options)).toEqual(await bare);
    }
  });

  test("unknown options are ignored", async () => {
    expect(
      await conversation({ tls: true, greeting: "hi", maxConnections: -1, toString: 1, __proto__: null }),
    ).toEqual(await bare);
  });

  for (const options of [undefined, null, {}]) {
    test(`new SMTPServer(${JSON.stringify(options)})`, () => {
      expect(new SMTPServer(options).options).toMatchObject({ authMethods: [], disabledCommands: [] });
    });
  }
});

describe("server.options", () => {
  test("is the object that was given", () => {
    const options: SMTPServerOptions = { name: "mx.test" };
    expect(new SMTPServer(options).options).toBe(options as SMTPServer["options"]);
  });

  test("a frozen object", async () => {
    const server = new SMTPServer(
      Object.freeze<SMTPServerOptions>({
        name: "frozen.test",
        disableReverseLookup: true,
        authOptional: true,
        size: 10,
      }),
    );
    const client = new MemoryClient(server);
    expect(await client.reply()).toBe("220 frozen.test ESMTP");
    expect(await client.say("EHLO client.test")).toContain("\n250-SIZE 10\n");
    expect(await client.deliver()).toBe("250 OK: message queued");
  });

  test("a frozen object with frozen lists", async () => {
    const disabledCommands = Object.freeze(["VRFY"]) as string[];
    const client = await hello(
      new SMTPServer(Object.freeze({ disabledCommands, disableReverseLookup: true })),
    );
    expect(await client.say("VRFY x")).toBe("500 Error: command not recognized");
  });

  test("an object whose prototype has the options", async () => {
    class Config {
      get name(): string {
        return "getter.test";
      }
      readonly authOptional = true;
      readonly disableReverseLookup = true;
    }
    expect(await new MemoryClient(new SMTPServer(new Config())).reply()).toBe("220 getter.test ESMTP");
  });

  describe("a class instance with getters", () => {
    class Config {
      #size = 10;
      get name(): string {
        return "getter.test";
      }
      get size(): number {
        return this.#size;
      }
      grow(): void {
        this.#size = 20;
      }
      get authMethods(): string[] {
        return ["LOGIN"];
      }
      get allowInsecureAuth(): boolean {
        return true;
      }
      get disableReverseLookup(): boolean {
        return true;
      }
    }
    for (const [name, make] of [
      ["as it is", () => new Config()],
      ["frozen", () => Object.freeze(new Config())],
      ["sealed", () => Object.seal(new Config())],
    ] as const) {
      test(`${name}: it is read live, and what is set later counts`, async () => {
        const config = make();
        const server = new SMTPServer(config);
        const keywords = async (): Promise<string | undefined> =>
          (await hello(server)).say("EHLO again.test");
        expect(await keywords()).toContain("\n250-AUTH LOGIN\n");
        expect(await keywords()).toContain("\n250-SIZE 10\n");
        expect(await keywords()).toStartWith("250-getter.test ");
        config.grow();
        expect(await keywords()).toContain("\n250-SIZE 20\n");
        expect([server.options.authMethods, server.options.disabledCommands]).toEqual([["LOGIN"], []]);
        server.options.disabledCommands.push("AUTH");
        server.options.banner = "later";
        expect(await keywords()).not.toContain("AUTH");
        expect(await new MemoryClient(server).reply()).toEndWith(" later");
      });
    }

    test("whose list is one name", async () => {
      class OneName {
        get authMethods(): string {
          return "login";
        }
        readonly disableReverseLookup = true;
        readonly allowInsecureAuth = true;
      }
      const options = new OneName() as unknown as SMTPServerOptions;
      expect(new SMTPServer(options).options.authMethods).toEqual(["login"]);
      expect(new SMTPServer(Object.freeze(new OneName()) as never).options.authMethods).toEqual(["login"]);
    });

    test("that is frozen shows its options to those who list them", () => {
      const { options } = new SMTPServer(Object.freeze({ name: "frozen.test", size: 10 }));
      options.banner = "later";
      options.size = 20;
      expect("size" in options && options.size).toBe(20);
      expect({ ...options }).toEqual({
        name: "frozen.test",
        size: 20,
        banner: "later",
        authMethods: [],
        disabledCommands: [],
      });
    });
  });

  test("the lists may be pushed to", async () => {
    const server = makeServer();
    server.options.disabledCommands.push("vrfy");
    server.options.authMethods.push("XOAUTH2");
    const client = new MemoryClient(server);
    await client.reply();
    expect(await client.say("EHLO client.test")).toContain("AUTH XOAUTH2\n");
    expect(await client.say("VRFY x")).toBe("500 Error: command not recognized");
  });

  test("numeric strings count as numbers", async () => {
    const client = new MemoryClient(makeServer({ size: "1024", maxRecipients: "2", maxErrors: "1" }));
    await client.reply();
    const ehlo = await client.say("EHLO client.test");
    expect(ehlo).toContain("\n250-SIZE 1024\n");
    expect(ehlo).toEndWith("250 LIMITS RCPTMAX=2");
    expect(await client.say("nonsense")).toBe("421 Error: too many errors");
  });

  const bad: [OptionName, unknown][] = [
    ...NUMBERS.flatMap((name) =>
      ["many", -1, NaN, {}, []].map((value): [OptionName, unknown] => [name, value]),
    ),
    ...LISTS.flatMap((name) => [7, {}, [7, null]].map((value): [OptionName, unknown] => [name, value])),
    ["ignoredHosts", "192.0.2.99"],
    ...TRUST_LISTS.flatMap((name) =>
      ["192.0.2.99", 7, {}, [7], ["mx.test"]].map((value): [OptionName, unknown] => [name, value]),
    ),
    ["bareNewlines", "allow"],
    ...[...HOOKS, "resolver", "heloResponse", "authRequiredMessage"].map((name): [OptionName, unknown] => [
      name as OptionName,
      {},
    ]),
  ];
  test("a bad value set later counts as not given, and does no harm", async () => {
    for (const [name, value] of bad) {
      const server = makeServer();
      Object.assign(server.options, { [name]: value });
      const client = await hello(server);
      const said = [await client.deliver(), await client.say("NOOP\nNOOP")];
      expect([name, value, ...said]).toEqual([
        name,
        value,
        "250 OK: message queued",
        "500 Error: bare <LF> received",
      ]);
    }
  });
});

describe("what a number comes to", () => {
  const settings = (options: unknown): Settings =>
    new Settings({ options: options as SMTPServerOptions, logger: silent });
  const defaults = settings({});
  const read = (options: Record<string, unknown>): unknown[] =>
    Object.keys(options).map((name) => settings(options)[name as keyof Settings]);

  test.each(NUMBERS)("%s: a value that is none, set later, counts as not given", (name) => {
    for (const bad of [
      "many",
      -1,
      "-1",
      NaN,
      {},
      [],
      [1],
      "",
      " ",
      true,
      null,
      undefined,
      new Date(1),
      () => 1,
    ])
      expect([bad, settings({ [name]: bad })[name as keyof Settings]]).toEqual([
        bad,
        defaults[name as keyof Settings],
      ]);
  });

  test("a numeric text is one, and so is a fraction", () => {
    expect(read({ size: "1024", maxErrors: " 2 ", minDataRate: 0.5 })).toEqual([1024, 2, 0.5]);
  });

  test.each([0, "0", Infinity, "Infinity", false])("%p is no limit", (none) => {
    const limits = NUMBERS.filter((name) => /^(max|size)/.test(name) && name !== "maxCommandLength");
    expect(limits.map((name) => settings({ [name]: none })[name as keyof Settings])).toEqual(
      limits.map(() => Infinity),
    );
    expect(read({ maxCommandLength: none, minDataRate: none })).toEqual([1_048_576, 0]);
  });

  test("a time is no longer than a timer of JavaScript can be", () => {
    const times = (value: unknown): unknown[] =>
      read({ socketTimeout: value, closeTimeout: value, earlyTalkerDelay: value });
    expect(times(1)).toEqual([1, 1, 1]);
    expect(times(2 ** 31 - 1)).toEqual([2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1]);
    expect(times(2 ** 31)).toEqual(times(2 ** 31 - 1));
    expect(times(Infinity)).toEqual(times(2 ** 31 - 1));
    expect(times(0)).toEqual([60_000, 30_000, 0]);
  });

  test("a command line has 1 MiB at most", () => {
    expect(read({ maxCommandLength: 1_048_576 })).toEqual([1_048_576]);
    expect(read({ maxCommandLength: 1_048_577 })).toEqual([1_048_576]);
  });
});

describe("a value of another type, set later", () => {
  test.each([[undefined], [null], [false], [[]]])("authMethods %p: the default", async (value) => {
    const server = makeServer({ authMethods: ["CRAM-MD5"] });
    Object.assign(server.options, { authMethods: value });
    expect(await ehlo(server)).toContain("\n250-AUTH PLAIN LOGIN\n");
  });

  test("a text for a list of one, in any case and with spaces around it", async () => {
    const server = makeServer();
    Object.assign(server.options, { authMethods: " login ", disabledCommands: " vrfy " });
    expect(await ehlo(server)).toContain("\n250-AUTH LOGIN\n");
    expect(await hears("VRFY x")(server)).toBe("500 Error: command not recognized");
    expect(await hears("HELP")(server)).toStartWith("214 ");
  });

  test.each([null, {}, 7])("authRequiredMessage %p: the default", async (value) => {
    const server = makeServer({ authOptional: false });
    Object.assign(server.options, { authRequiredMessage: value });
    expect(await hears(MAIL)(server)).toBe("530 Error: authentication Required");
  });
});

describe("scramSecret", () => {
  /** What SCRAM shows a client that asks for a name that there is none of. */
  async function saltOf(options: SMTPServerOptions): Promise<string | undefined> {
    const server = makeServer({ ...options, allowInsecureAuth: true, authMethods: ["SCRAM-SHA-256"] });
    const client = await hello(server);
    const reply = await client.say(`AUTH SCRAM-SHA-256 ${btoa("n,,n=unknown,r=abc")}`);
    return /,s=([^,]+),/.exec(atob(reply?.slice("334 ".length) ?? ""))?.[1];
  }

  test("makes the salts of unknown names: the same for the same secret", async () => {
    const [one, again, other, none, noneAgain] = [
      await saltOf({ scramSecret: "one" }),
      await saltOf({ scramSecret: "one" }),
      await saltOf({ scramSecret: "other" }),
      await saltOf({}),
      await saltOf({ scramSecret: "" }),
    ];
    expect(one).toBe(again as string);
    expect(none).toBe(noneAgain as string);
    expect(new Set([one, other, none]).size).toBe(3);
    expect(one).toBeString();
  });
});

/** The reply that a new client gets to the last of some lines after EHLO; without lines, to EHLO itself. */
const hears =
  (...lines: string[]) =>
  async (server: SMTPServer): Promise<string> => {
    const client = new MemoryClient(server);
    let last = await client.reply();
    const opening = server.options.lmtp ? "LHLO" : "EHLO";
    for (const line of [`${opening} client.test`, ...lines]) last = await client.say(line);
    return last ?? "(closed)";
  };
const greeting = async (server: SMTPServer): Promise<string> =>
  (await new MemoryClient(server).reply()) ?? "(closed)";
const ehlo = hears();
const MAIL = "MAIL FROM:<a@a.test>";
const RCPT = "RCPT TO:<b@b.test>";

/** An option, a value for it, and what is heard without and with it. */
const LIVE: [
  OptionName,
  unknown,
  (server: SMTPServer) => Promise<string>,
  string | RegExp,
  string | RegExp,
][] = [
  ["name", "other.test", greeting, "220 mx.test ESMTP", "220 other.test ESMTP"],
  ["banner", "hello there", greeting, "220 mx.test ESMTP", "220 mx.test ESMTP hello there"],
  ["lmtp", true, greeting, "220 mx.test ESMTP", "220 mx.test LMTP"],
  [
    "lmtp",
    true,
    hears("HELO x"),
    "250 mx.test Nice to meet you, [192.0.2.99]",
    "500 Error: HELO not allowed in LMTP server",
  ],
  ["heloResponse", "%s greets %s", hears("HELO x"), /Nice to meet you/, "250 mx.test greets [192.0.2.99]"],
  ["size", 100, ehlo, /^(?!.*SIZE)/s, /SIZE 100$/m],
  ["size", 100, hears(`${MAIL} SIZE=101`), "250 Accepted", /^552 .*maximum message size 100$/],
  [
    "maxRecipients",
    1,
    hears(MAIL, RCPT, "RCPT TO:<c@b.test>"),
    "250 Accepted",
    "452 Error: too many recipients",
  ],
  ["maxRecipients", 1, ehlo, /^(?!.*LIMITS)/s, /LIMITS RCPTMAX=1$/],
  ["maxErrors", 2, hears("nonsense", "nonsense"), /^500/, "421 Error: too many errors"],
  [
    "maxCommandLength",
    20,
    hears("NOOP 89012345678901234567890"),
    "250 OK",
    "421 Error: Command line too long",
  ],
  [
    "maxClients",
    1,
    async (server) => {
      await hello(server);
      return greeting(server);
    },
    /^220/,
    /^421 .*Too many connected clients/,
  ],
  [
    "maxClientsPerAddress",
    1,
    async (server) => {
      await hello(server);
      return greeting(server);
    },
    /^220/,
    /^421 .*Too many connections from your address/,
  ],
  ["authOptional", false, hears(MAIL), "250 Accepted", "530 Error: authentication Required"],
  ["allowInsecureAuth", true, hears("AUTH PLAIN AHUAcA=="), /^538/, /^535/],
  ["authMethods", ["CRAM-MD5"], ehlo, /AUTH PLAIN LOGIN$/m, /AUTH CRAM-MD5$/m],
  ["hideSTARTTLS", true, ehlo, /STARTTLS/, /^(?!.*STARTTLS)/s],
  ["hidePIPELINING", true, ehlo, /PIPELINING/, /^(?!.*PIPELINING)/s],
  ["hide8BITMIME", true, ehlo, /8BITMIME/, /^(?!.*8BITMIME)/s],
  ["hideSMTPUTF8", true, ehlo, /SMTPUTF8/, /^(?!.*SMTPUTF8)/s],
  ["hideCHUNKING", true, ehlo, /CHUNKING/, /^(?!.*CHUNKING)/s],
  ["hideENHANCEDSTATUSCODES", false, ehlo, /^(?!.*ENHANCEDSTATUSCODES)/s, /ENHANCEDSTATUSCODES/],
  ["hideENHANCEDSTATUSCODES", false, hears("NOOP"), "250 OK", "250 2.0.0 OK"],
  ["hideDSN", false, ehlo, /^(?!.*DSN)/s, /DSN/],
  ["hideDSN", false, hears(`${MAIL} RET=ALL`), "250 Accepted", /^501 Invalid RET/],
  ["hideBINARYMIME", false, ehlo, /^(?!.*BINARYMIME)/s, /BINARYMIME/],
  ["disabledCommands", ["vrfy"], hears("VRFY x"), /^252/, "500 Error: command not recognized"],
  ["disabledCommands", ["STARTTLS"], ehlo, /STARTTLS/, /^(?!.*STARTTLS)/s],
  ["lenientAddressParsing", true, hears("MAIL FROM:<a..b@a.test>"), /^501/, "250 Accepted"],
  ["needsUpgrade", true, hears(MAIL), "250 Accepted", "530 Must issue a STARTTLS command first"],
  ["bareNewlines", "accept", hears("NOOP\nNOOP"), "500 Error: bare <LF> received", "250 OK"],
  ["useXClient", true, ehlo, /^(?!.*XCLIENT)/s, /XCLIENT/],
  ["useXForward", true, ehlo, /^(?!.*XFORWARD)/s, /XFORWARD/],
  [
    "useProxy",
    true,
    async (server) => {
      const client = new MemoryClient(server);
      client.send("PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\n");
      await client.reply();
      return [...server.connections].at(-1)?.remoteAddress ?? "(closed)";
    },
    "192.0.2.99",
    "198.51.100.7",
  ],
  ["disableReverseLookup", false, hears("HELO x"), /\[192\.0\.2\.99\]$/, / ptr\.test$/],
  [
    "authRequiredMessage",
    "log in first",
    async (server) => {
      server.options.authOptional = false;
      return hears(MAIL)(server);
    },
    "530 Error: authentication Required",
    "530 log in first",
  ],
  [
    "maxAllowedUnauthenticatedCommands",
    2,
    async (server) => {
      server.options.authOptional = false;
      return hears("NOOP")(server);
    },
    "250 OK",
    "421 Error: too many unauthenticated commands",
  ],
  [
    "maxAuthAttempts",
    1,
    async (server) => {
      server.options.allowInsecureAuth = true;
      const client = await hello(server);
      return (await client.chat("AUTH PLAIN AHUAcA==", "NOOP")).at(-1) ?? "(closed)";
    },
    "250 OK",
    "421 Error: too many failed logins",
  ],
  [
    "rejectOversized",
    true,
    async (server) => {
      server.options.size = 10;
      return (await (await hello(server)).deliver()) ?? "(closed)";
    },
    /^250/,
    /^552/,
  ],
  [
    "hideSize",
    true,
    async (server) => {
      server.options.size = 10;
      return hears(`${MAIL} SIZE=11`)(server);
    },
    /^552/,
    "250 Accepted",
  ],
  [
    "hideREQUIRETLS",
    false,
    async (server) => {
      const client = await hello(server);
      await client.say("STARTTLS");
      client.transport.handshake();
      return (await client.say("EHLO x")) ?? "(closed)";
    },
    /^(?!.*REQUIRETLS)/s,
    /REQUIRETLS/,
  ],
  [
    "onMailFrom",
    (_a: 1, _s: 1, callback: (error: Error) => void) => callback(new Error("hooked")),
    hears(MAIL),
    "250 Accepted",
    "550 hooked",
  ],
  [
    "onData",
    (_s: DataStream, _x: 1, callback: (error: null, text: string) => void) => callback(null, "hooked"),
    async (server) => (await (await hello(server)).deliver()) ?? "",
    "250 OK: message queued",
    "250 hooked",
  ],
];

describe("an option is read live: flipped between connections, and back", () => {
  for (const [name, value, hear, without, withIt] of LIVE) {
    test(`${name}: ${typeof value === "function" ? "a hook" : JSON.stringify(value)} · ${withIt}`, async () => {
      const server = makeServer({ resolver: { reverse: (_ip, callback) => callback(null, ["ptr.test"]) } });
      const before: unknown = server.options[name];
      const judge = async (expected: string | RegExp): Promise<void> => {
        const heard = await hear(server);
        if (typeof expected === "string") expect(heard).toBe(expected);
        else expect(heard).toMatch(expected);
        for (const connection of [...server.connections]) connection._socket.destroy();
      };
      await judge(without);
      Object.assign(server.options, { [name]: value });
      await judge(withIt);
      Object.assign(server.options, { [name]: before });
      await judge(without);
    });
  }

  test("secure, with the TLS in front of us", async () => {
    const server = makeServer({ secured: true });
    const secure = async (): Promise<boolean | undefined> => {
      await new MemoryClient(server).reply();
      return [...server.connections].at(-1)?.session.secure;
    };
    expect(await secure()).toBe(false);
    server.options.secure = true;
    expect(await secure()).toBe(true);
  });
});
