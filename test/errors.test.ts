import { describe, expect, test } from "bun:test";
import { errorText, toError } from "../src/errors.js";
import { SMTPError } from "../src/index.js";

describe("SMTPError", () => {
  test("has the fields that it is given, and no others", () => {
    const error = new SMTPError("Not today", { responseCode: 451, enhancedCode: "4.7.1", code: "EBUSY" });
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe("SMTPError: Not today");
    expect(error).toMatchObject({ responseCode: 451, enhancedCode: "4.7.1", code: "EBUSY" });
    const fields = ({ responseCode, enhancedCode, code }: SMTPError): unknown[] => [
      responseCode,
      enhancedCode,
      code,
    ];
    expect(fields(new SMTPError("no"))).toEqual([undefined, undefined, undefined]);
    expect(fields(new SMTPError("no", { code: "E" }))).toEqual([undefined, undefined, "E"]);
    expect(fields(new SMTPError("no", { responseCode: 550 }))).toEqual([550, undefined, undefined]);
    expect(fields(new SMTPError("no", { enhancedCode: "5.7.1" }))).toEqual([undefined, "5.7.1", undefined]);
  });

  test("takes over the fields of another error, which may be getters", () => {
    class Refusal extends Error {
      get responseCode(): number {
        return 553;
      }
      get enhancedCode(): string {
        return "5.1.8";
      }
    }
    expect(new SMTPError("no", new Refusal())).toMatchObject({ responseCode: 553, enhancedCode: "5.1.8" });
  });
});

describe("what is thrown", () => {
  const unreadable = {
    toString(): string {
      throw new Error("not for you");
    },
  };

  test("an Error stays as it is", () => {
    const error = new TypeError("no");
    expect(toError(error)).toBe(error);
    expect(errorText(error)).toBe("no");
  });

  test.each([
    ["a text", "a text"],
    [undefined, "undefined"],
    [Symbol("own"), "Symbol(own)"],
    [unreadable, "A value was thrown that cannot be read"],
  ])("%p becomes an Error", (thrown, message) => {
    expect(toError(thrown)).toBeInstanceOf(Error);
    expect(toError(thrown).message).toBe(message);
    expect(errorText(thrown)).toBe(message);
  });

  test("a message that cannot be read", () => {
    const error = Object.defineProperty(new Error(), "message", {
      get: () => {
        throw new Error("not for you");
      },
    });
    expect(errorText(error)).toBe("an error whose message cannot be read");
    expect(errorText(Object.assign(new Error(), { message: unreadable }))).toBe(
      "an error whose message cannot be read",
    );
  });
});
