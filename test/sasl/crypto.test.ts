import { expect, test } from "bun:test";
import { equalSecrets } from "../../src/sasl/crypto.js";

test.each([
  ["the same", "secret", "secret", true],
  ["another", "secret", "secreT", false],
  ["a longer one", "secret", "secrets", false],
  ["none", "secret", "", false],
])("a secret and %s", (_, one, other, isEqual) => {
  expect(equalSecrets(one, other)).toBe(isEqual);
});
