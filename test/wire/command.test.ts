import { describe, expect, test } from "bun:test";
import { isEhloLine, isHeloName, isHttpRequest, splitCommand, words } from "../../src/wire/command.js";
import { titled } from "../support/titled.js";

test.each([
  ["", "", ""],
  ["NOOP", "NOOP", ""],
  ["noop", "NOOP", ""],
  ["EHLO mx.example", "EHLO", "mx.example"],
  ["eHlO  mx.example ", "EHLO", " mx.example "],
  ["MAIL FROM:<a@b>", "MAIL", "FROM:<a@b>"],
  ["QUIT ", "QUIT", ""],
  [" QUIT", "", "QUIT"],
  ["NOOP\tx", "NOOP\tX", ""],
  ["ma\u0131l from:<a@b>", "MA\u0131L", "from:<a@b>"],
  ["r\u017fet", "R\u017fET", ""],
  ["__proto__", "__PROTO__", ""],
])("splitCommand %j is %j and %j", (line, verb, args) => {
  expect(splitCommand(line)).toEqual({ verb, args });
});

test.each([
  ["", []],
  ["  ", []],
  ["a", ["a"]],
  [" a  b\tc ", ["a", "b", "c"]],
  ["mx.example\u00a0x", ["mx.example", "x"]],
])("words of %j are %j", (text, list) => {
  expect(words(text)).toEqual(list);
});

describe("isHttpRequest", () => {
  test.each(
    titled([
      "GET / HTTP/1.1",
      "get / http/1.0",
      "POST /form?a=b HTTP/1.1",
      "HEAD /index.html HTTP/1.1",
      "PUT /x HTTP/1.1",
      "PATCH /x HTTP/1.1",
      "DELETE /x HTTP/1.1",
      "TRACE / HTTP/1.1",
      "OPTIONS * HTTP/1.1",
      "CONNECT mx.example:25 HTTP/1.1",
      "GET http://mx.example:25/ HTTP/1.1",
      "GET /a b c HTTP/1.1",
      "PRI * HTTP/2.0",
      `GET /${"a".repeat(16_000)} HTTP/1.1`,
      `GET ${"/ HTTP/1.1".repeat(1_600)}`,
    ]),
  )("%s is one", (_, line) => {
    expect(isHttpRequest(line)).toBeTrue();
  });

  test.each(
    titled([
      "",
      "GET",
      "GET /",
      "GET / HTTP/1.1 ",
      "GET / HTTP/11",
      "GET /HTTP/1.1",
      "HELP / HTTP/1.1",
      "NOOP GET / HTTP/1.1",
      " GET / HTTP/1.1",
      "EHLO HTTP/1.1",
      "MAIL FROM:<a@b/1.1",
      "GETX / HTTP/1.1",
      `GET ${" HTTP/1.1".repeat(1_600)}x/1.1`,
    ]),
  )("%s is none", (_, line) => {
    expect(isHttpRequest(line)).toBeFalse();
  });
});

describe("isHeloName", () => {
  test.each(titled(["mx.example", "[192.0.2.1]", "WINDOWS-PC_1", "münchen.example", "?", "a".repeat(300)]))(
    "%s may be kept",
    (_, name) => {
      expect(isHeloName(name)).toBeTrue();
    },
  );

  test.each(titled(["a".repeat(301), "mx\0", "mx\x7f", "mx\u0085", "mx\r", "\x1b[2J"]))(
    "%s may not",
    (_, name) => {
      expect(isHeloName(name)).toBeFalse();
    },
  );
});

describe("isEhloLine", () => {
  // RFC 5321 4.5.3.1.5: with "250-" and CRLF 512 octets.
  const longest = `X ${"x".repeat(504)}`;

  test.each(
    titled(["X", "8BITMIME", "X-FOO", "9", "SIZE 1000", "LIMITS RCPTMAX=1 MAILMAX=2", "X !~", longest]),
  )("%s is one", (_, line) => expect(isEhloLine(line)).toBeTrue());

  test.each(
    titled([
      "",
      " X",
      "X ",
      "X  Y",
      "-X",
      "X_Y",
      "X=1",
      "X\tY",
      "X é",
      "é",
      "X\r\n250 OK",
      "X\0",
      `${longest}x`,
    ]),
  )("%s is none", (_, line) => expect(isEhloLine(line)).toBeFalse());
});
