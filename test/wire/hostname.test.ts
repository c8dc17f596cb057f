import { describe, expect, test } from "bun:test";
import { isHostname } from "../../src/wire/hostname.js";

const label = "a".repeat(63);
const longest = `${label}.${label}.${label}.${"a".repeat(61)}`;

describe("isHostname", () => {
  test.each([
    "localhost",
    "a",
    "1",
    "mx.example.com",
    "MX.Example.COM",
    "example.com.",
    "xn--bcher-kva.example",
    "a-b.c--d.e",
    "_dmarc.example.com",
    "host_1.example.com",
    "dyn-1-2-3-4.isp.test",
    "1.2.3.4",
    label,
    longest,
  ])("%s", (name) => {
    expect(isHostname(name)).toBeTrue();
  });

  test.each([
    "",
    ".",
    "..",
    ".a",
    "a..",
    "a..b",
    "-a",
    "-a.",
    "a-",
    "a.-b.c",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\r\nb",
    "a\0",
    "a\0.b",
    "[1.2.3.4]",
    "::1",
    "a@b",
    "a/b",
    "bücher.example",
    "\u212a.example", // the Kelvin sign, whose lower case is k
    `${label}a`,
    `${longest}a`,
    `${longest}.`,
    "a.".repeat(127),
  ])("not %j", (name) => {
    expect(isHostname(name)).toBeFalse();
  });
});
