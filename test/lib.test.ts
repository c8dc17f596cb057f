/** The subpaths of smtp-server that programs import. By the names that they use. */
import { describe, expect, test } from "bun:test";
import { createSecureContext } from "node:tls";
import tlsOptions from "bun-smtp/lib/tls-options";
import deep from "bun-smtp/lib/tls-options.js";

describe("lib/tls-options", () => {
  test("is the function itself, by require as by import", () => {
    expect(require("bun-smtp/lib/tls-options")).toBe(tlsOptions);
    expect(deep).toBe(tlsOptions);
  });

  test("what is given stands over the defaults", () => {
    const given = { key: "key", cert: "cert", ca: [], minVersion: "TLSv1.3" as const, own: 1 };
    expect(tlsOptions(given)).toEqual({ ...given, honorCipherOrder: true });
    expect(tlsOptions({ pfx: "x" })).not.toHaveProperty("key");
    expect(tlsOptions({ cert: "x" })).toMatchObject({ minVersion: "TLSv1.2" });
  });

  test.each([undefined, null, {}, { key: undefined, cert: undefined }])(
    "%p: a certificate of its own",
    (given) => {
      const options = tlsOptions(given);
      expect(() => createSecureContext(options)).not.toThrow();
      expect(tlsOptions().cert).toBe(options.cert);
    },
  );
});

test.each(["smtp-connection", "smtp-stream", "sasl", "ipv6-normalize.js", "types"])(
  "lib/%s says what to do instead",
  async (name) => {
    expect(() => require(`bun-smtp/lib/${name}`)).toThrow(
      /^bun-smtp has the modules lib\/smtp-server .*Use SMTPServer/,
    );
  },
);
