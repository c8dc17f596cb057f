/** A Bun that cannot upgrade an accepted socket to TLS says so where TLS is asked for, and only there. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { createAuthority } from "../support/certificates.js";

const source = join(import.meta.dir, "../../src/index.ts");
const { key, cert } = createAuthority("Old CA").issue("mx.test");

test("the options secure, key and cert throw on Bun 1.3", async () => {
  const script = `
    import { SMTPServer } from ${JSON.stringify(source)};
    const identity = ${JSON.stringify({ key, cert })};
    const all = [{ secure: true }, identity, { secure: true, ...identity }, {}, { secure: true, secured: true }];
    console.log(JSON.stringify(all.map((options) => {
      try {
        return String(new SMTPServer({ logger: false, ...options }));
      } catch (error) {
        return String(error);
      }
    })));
  `;
  const child = Bun.spawn([process.execPath, "--define", 'Bun.version="1.3.14"', "-e", script], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const refused =
    'Error: Bun 1.3.14 cannot serve TLS on an accepted socket, which the options secure, key and cert ask for: run "bun upgrade" for 1.4.0 or later';
  const made = "[object Object]";
  expect(JSON.parse(await child.stdout.text())).toEqual([refused, refused, refused, made, made]);
});
