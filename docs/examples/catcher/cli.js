#!/usr/bin/env bun
// What `bunx bun-smtp` starts. It is JavaScript, so that Node.js reads it and prints a line instead of a stack.
if (process.versions.bun) await import("./main.ts");
else {
  console.error(
    "bun-smtp needs Bun (https://bun.com): start it with bunx bun-smtp, or npx -y bun x bun-smtp",
  );
  process.exitCode = 1;
}
