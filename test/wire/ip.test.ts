import { describe, expect, test } from "bun:test";
import type { TrustOption } from "../../src/types/index.js";
import { addressOctets, isTrusted, normalizeAddress, trustListProblem } from "../../src/wire/ip.js";

describe("normalizeAddress", () => {
  const cases: [text: string | undefined, canonical: string][] = [
    ["127.0.0.1", "127.0.0.1"],
    [" 10.0.0.1\t", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    // IPv4-mapped, in every way it can be written
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::FFFF:10.1.2.3", "10.1.2.3"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["::ffff:0:0", "0.0.0.0"],
    ["0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"],
    ["0000:0000:0000:0000:0000:FFFF:0102:0304", "1.2.3.4"],
    ["::0:ffff:1.2.3.4", "1.2.3.4"],
    ["::ffff:1.2.3.4%eth0", "1.2.3.4"],
    // not mapped, though alike
    ["::fffe:1.2.3.4", "::fffe:102:304"],
    ["::ffff:0:1.2.3.4", "::ffff:0:102:304"],
    ["1::ffff:1.2.3.4", "1::ffff:102:304"],
    ["::1.2.3.4", "::102:304"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    // RFC 5952 section 1 to 4
    ["::", "::"],
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1::", "1::"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:0:1::1", "2001:db8::1:0:0:1"],
    ["2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"],
    ["2001:db8::0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["0:0:1:2:3:4:0:0", "::1:2:3:4:0:0"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"],
    ["2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["FE80::0001%eth0", "fe80::1%eth0"],
    // no address
    [undefined, ""],
    ["", ""],
    [" LocalHost ", "localhost"],
    ["010.0.0.1", "010.0.0.1"],
    ["1.2.3.4.5", "1.2.3.4.5"],
    ["::ffff:256.0.0.1", "::ffff:256.0.0.1"],
    ["[::1]", "[::1]"],
    ["/run/smtp.sock", "/run/smtp.sock"],
  ];
  test.each(cases)("%p is %p", (text, canonical) => {
    expect(normalizeAddress(text)).toBe(canonical);
    expect(normalizeAddress(canonical)).toBe(canonical);
  });
});

describe("isTrusted", () => {
  const cases: [option: TrustOption | undefined | null, trusted: string[], not: string[]][] = [
    [true, ["1.2.3.4", "::1", ""], []],
    [false, [], ["1.2.3.4", "::1", ""]],
    [undefined, [], ["1.2.3.4", ""]],
    [null, [], ["1.2.3.4", ""]],
    [[], [], ["1.2.3.4", ""]],
    [["*"], ["1.2.3.4", "::1", ""], []],
    [["10.0.0.1", "*"], ["1.2.3.4", "::1", ""], []],
    [
      ["10.0.0.1"],
      ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1"],
      ["10.0.0.2", "::10.0.0.1", "10.0.0.10", ""],
    ],
    [[" 10.0.0.1 "], ["10.0.0.1"], ["10.0.0.2"]],
    [["::ffff:10.0.0.1"], ["10.0.0.1", "::FFFF:10.0.0.1"], ["10.0.0.2"]],
    [["::FFFF:A00:1"], ["10.0.0.1"], ["10.0.0.2"]],
    [["2001:DB8::1"], ["2001:db8:0:0:0:0:0:1"], ["2001:db8::2", "::1"]],
    [["fe80::1"], ["fe80::1", "fe80::1%eth0"], ["fe80::2%eth0"]],
    [["fe80::1%eth0"], ["fe80::1", "fe80::1%eth0"], ["fe80::2"]],
    [
      ["10.0.0.0/8"],
      ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
      ["9.255.255.255", "11.0.0.0", "a00::"],
    ],
    [["10.1.2.3/8"], ["10.255.255.255"], ["11.0.0.0"]],
    [["192.168.1.128/25"], ["192.168.1.128", "192.168.1.255"], ["192.168.1.127", "192.168.2.128"]],
    [["192.168.1.4/31"], ["192.168.1.4", "192.168.1.5"], ["192.168.1.3", "192.168.1.6"]],
    [["192.168.1.4/32"], ["192.168.1.4"], ["192.168.1.5"]],
    [["0.0.0.0/0"], ["1.2.3.4", "::ffff:1.2.3.4"], ["::1", "2001:db8::1", ""]],
    [["::/0"], ["::1", "2001:db8::1", "::1.2.3.4"], ["1.2.3.4", "::ffff:1.2.3.4", ""]],
    [["::ffff:0:0/96"], ["1.2.3.4"], ["::1", "::fffe:1.2.3.4"]],
    [["::ffff:10.0.0.0/104"], ["10.255.255.255", "::ffff:10.0.0.1"], ["11.0.0.0", "::1"]],
    [["::ffff:10.0.0.0/64"], ["::1"], ["10.0.0.1"]],
    [["2001:db8::/32"], ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]],
    [["2001:db8::8000/113"], ["2001:db8::ffff"], ["2001:db8::7fff", "2001:db8::1:8000"]],
    [["fd00::/7"], ["fc00::1", "fdff::"], ["fe00::", "fbff::"]],
    [["::1/128"], ["::1"], ["::", "::2"]],
    [["1.1.1.1", "2.2.2.0/24", "::1"], ["1.1.1.1", "2.2.2.9", "::1"], ["1.1.1.2"]],
    // what means nothing matches nothing
    [
      ["localhost", "", "10.0.0.0/33", "10.0.0.0/", "/8", "10.0.0.0/-1"],
      [],
      ["127.0.0.1", "10.0.0.1", "localhost", ""],
    ],
  ];
  test.each(cases)("%p", (option, trusted, not) => {
    expect(trusted.filter((address) => !isTrusted(option, address))).toEqual([]);
    expect(not.filter((address) => isTrusted(option, address))).toEqual([]);
  });

  test("a value of the wrong type trusts no peer", () => {
    for (const option of ["*", "127.0.0.1", 1, {}, [1], [null], [["127.0.0.1"]]]) {
      expect(isTrusted(option as unknown as TrustOption, "127.0.0.1")).toBeFalse();
    }
  });

  test("a list is read live", () => {
    const list = ["10.0.0.1", "10.0.0.2"];
    const trusted = () => ["10.0.0.1", "10.0.0.2", "10.0.0.3"].filter((address) => isTrusted(list, address));
    expect(trusted()).toEqual(["10.0.0.1", "10.0.0.2"]);
    list.push("10.0.0.3");
    expect(trusted()).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    list[0] = "::1";
    expect(trusted()).toEqual(["10.0.0.2", "10.0.0.3"]);
    list.shift();
    expect(trusted()).toEqual(["10.0.0.2", "10.0.0.3"]);
    list.length = 1;
    expect(trusted()).toEqual(["10.0.0.2"]);
    list.length = 0;
    expect(trusted()).toEqual([]);
    list.push("10.0.0.3");
    expect(trusted()).toEqual(["10.0.0.3"]);
    list.unshift("*");
    expect(trusted()).toHaveLength(3);
    list.shift();
    expect(trusted()).toEqual(["10.0.0.3"]);
    expect(isTrusted(Object.freeze(["10.0.0.1"]), "10.0.0.1")).toBeTrue();
  });
});

describe("trustListProblem", () => {
  test.each([
    [undefined],
    [null],
    [false],
    [0],
    [""],
    [true],
    [[]],
    [["*"]],
    [
      [
        "10.0.0.1",
        "::1",
        "::ffff:10.0.0.1",
        "10.0.0.0/8",
        "2001:db8::/32",
        "::ffff:10.0.0.0/104",
        "fe80::1%eth0",
      ],
    ],
    [["0.0.0.0/0", "::/0", "1.2.3.4/32", "::1/128", " 10.0.0.1 "]],
  ])("nothing is wrong with %p", (option) => {
    expect(trustListProblem(option)).toBeUndefined();
  });

  test.each([
    ["127.0.0.1", /an array of addresses, got .*string/],
    ["*", /an array of addresses, got .*string/],
    [1, /an array of addresses, got .*number/],
    [{ 0: "*" }, /an array of addresses, got .*object/],
    [() => true, /an array of addresses, got .*function/],
    [[1], /entry 1 is not a string/],
    [[null], /entry null is not a string/],
    [[["::1"]], /not a string/],
    [[""], /entry "" is neither/],
    [["localhost"], /entry "localhost" is neither/],
    [["10.0.0.1", "mx.test"], /entry "mx.test" is neither/],
    [["10.0.0"], /neither/],
    [["010.0.0.1"], /neither/],
    [["[::1]"], /neither/],
    [["10.0.0.1:25"], /neither/],
    [["10.0.0.1,10.0.0.2"], /neither/],
    [["/8"], /neither/],
    [["10.0.0.0/"], /prefix length that is not 0 to 32/],
    [["10.0.0.0/33"], /prefix length that is not 0 to 32/],
    [["10.0.0.0/08"], /prefix length/],
    [["10.0.0.0/-1"], /prefix length/],
    [["10.0.0.0/+8"], /prefix length/],
    [["10.0.0.0/8.0"], /prefix length/],
    [["10.0.0.0/1e1"], /prefix length/],
    [["10.0.0.0/ 8"], /prefix length/],
    [["10.0.0.0/8/8"], /prefix length/],
    [["10.0.0.0/255.0.0.0"], /prefix length/],
    [["::/129"], /prefix length that is not 0 to 128/],
    [["::ffff:10.0.0.0/129"], /prefix length that is not 0 to 128/],
  ])("%p is refused", (option, problem) => {
    expect(trustListProblem(option)).toMatch(problem);
  });
});

describe("addressOctets", () => {
  test.each([
    ["192.0.2.1", "c0000201"],
    ["0.0.0.0", "00000000"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["2001:DB8::ff:0:1", "20010db800000000000000ff00000001"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ])("%s", (address, hex) => expect(addressOctets(address).toString("hex")).toBe(hex));
});
