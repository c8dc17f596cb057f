/** The edges of listen()'s arguments, and what an invalid one is told. */
import { describe, expect, test } from "bun:test";
import { parseListenArguments } from "../../src/server/listen-arguments.js";

const tcp = (port: number, host?: string): object => ({ port, host, reusePort: false, ipv6Only: false });
const unix = (path: string, mode?: number): object => ({ path, mode });
/** Deeper than a message shows. */
const deep = { a: { b: { c: 1 } } };

test.each<[unknown[], object]>([
  [["0"], tcp(0)],
  [[" 25 "], tcp(25)],
  [[65_535], tcp(65_535)],
  [[{ port: "" }], tcp(0)],
  [[{ port: null }], tcp(0)],
  [[{ port: 25, host: null, hostname: "::1" }], tcp(25, "::1")],
  [[{ port: 25, host: null }], tcp(25)],
  [[{ port: 25, host: "" }], tcp(25)],
  [[], tcp(0)],
  [[null, "::1"], tcp(0, "::1")],
  [[{ path: null, port: 25, host: undefined, hostname: null }], tcp(25)],
  [[25, "::1", 511], tcp(25, "::1")],
  [[25, 511, "::1"], tcp(25)],
  [[" "], { path: " " }],
  [["25a"], { path: "25a" }],
  [["x"], { path: "x" }],
  [[{ path: "x", mode: 0 }], unix("x", 0)],
  [[{ path: "x", mode: 0o777 }], unix("x", 0o777)],
  [[{ path: "x", mode: "7" }], unix("x", 7)],
  [[{ path: "x", mode: "777" }], unix("x", 0o777)],
  [[{ path: "x", mode: null }], unix("x")],
  [[{ path: "x", readableAll: true }], unix("x", 0o744)],
  [[{ path: "x", writableAll: true }], unix("x", 0o722)],
  [[{ path: "x", mode: "600", writableAll: true }], unix("x", 0o600)],
  [[{ path: "x", readableAll: false }], unix("x")],
])("%j", (args, target) => {
  expect(parseListenArguments(args).target as object).toEqual(target);
});

test("the last function is the callback, wherever it is", () => {
  const [one, other] = [() => {}, () => {}];
  expect(parseListenArguments([one, 25, other])).toMatchObject({ target: { port: 25 }, callback: other });
  expect(parseListenArguments([{ port: 25 }, other])).toMatchObject({ callback: other, signal: undefined });
  expect(parseListenArguments(["x", other])).toEqual({ target: { path: "x" }, callback: other });
  expect(parseListenArguments([25, "::1"]).callback).toBeUndefined();
});

test.each<[string, unknown]>([
  ["one of this realm", new AbortController().signal],
  ["one of another", { aborted: false }],
  ["undefined", undefined],
  ["null", null],
])("signal: %s", (_name, signal) => {
  expect(parseListenArguments([{ port: 25, signal }]).signal).toBe((signal ?? undefined) as AbortSignal);
});

describe("what is invalid is named, and shown on one line", () => {
  const signal = "listen: signal must be an AbortSignal, got ";
  const mode = 'listen: mode must be permission bits of 0 to 0o777, such as 0o660 or "660", got ';
  const port = "listen: port must be an integer of 0 to 65535, got ";
  test.each<[unknown[], string, string | undefined]>([
    [[{ path: "" }], "listen: path must be a string that is not empty", undefined],
    [[{ path: 7 }], "listen: path must be a string that is not empty", undefined],
    [[{ host: deep }], "listen: host must be a string, got { a: [Object] }", undefined],
    [[{ host: 5 }], "listen: host must be a string, got 5", undefined],
    [[{ path: "x", mode: deep }], `${mode}{ a: [Object] }`, undefined],
    [[{ path: "x", mode: "x7" }], `${mode}'x7'`, undefined],
    [[{ path: "x", mode: "7x" }], `${mode}'7x'`, undefined],
    ...["8", "+7", "0o7", ""].map((bits): [unknown[], string, undefined] => [
      [{ path: "x", mode: bits }],
      `${mode}'${bits}'`,
      undefined,
    ]),
    [[{ path: "x", mode: 1.5 }], `${mode}1.5`, undefined],
    [[{ path: "x", mode: 0o1000 }], `${mode}512`, undefined],
    [[{ path: "x", mode: -1 }], `${mode}-1`, undefined],
    [[{ port: deep }], `${port}{ a: [Object] }`, "ERR_SOCKET_BAD_PORT"],
    [[{ port: false }], `${port}false`, "ERR_SOCKET_BAD_PORT"],
    [[-1], `${port}-1`, "ERR_SOCKET_BAD_PORT"],
    [[65_536], `${port}65536`, "ERR_SOCKET_BAD_PORT"],
    [[25.5], `${port}25.5`, "ERR_SOCKET_BAD_PORT"],
    [[{ signal: deep }], `${signal}{ a: [Object] }`, "ERR_INVALID_ARG_TYPE"],
    [[{ signal: "yes" }], `${signal}'yes'`, "ERR_INVALID_ARG_TYPE"],
    [
      [{ signal: { first: "x".repeat(60), second: "x".repeat(60) } }],
      `${signal}{ first: '${"x".repeat(60)}', second: '${"x".repeat(60)}' }`,
      "ERR_INVALID_ARG_TYPE",
    ],
  ])("%j", (args, message, code) => {
    const parse = (): unknown => parseListenArguments(args);
    expect(parse).toThrow(expect.objectContaining({ message, ...(code === undefined ? {} : { code }) }));
  });
});
