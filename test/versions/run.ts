/**
 * Runs the root suite on the oldest Bun that package.json allows and on the one that the project pins.
 *
 *   bun test/versions/run.ts [version …]       default: 1.4.0 1.4.5
 *
 * On 1.4.0 four tests fail for what Bun 1.4.1 has repaired: those of a client that closes its side over TLS,
 * and the program of the README that writes a Response of the stream to a file.
 */
const versions = process.argv.slice(2);
if (versions.length === 0) versions.push("1.4.0", "1.4.5");

let failed = false;
for (const version of versions) {
  const run = Bun.spawn(["npx", "-y", `bun@${version}`, "test"], {
    cwd: `${import.meta.dir}/../..`,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  const lines = (out + errors).split("\n");
  const summary = lines.filter((line) => /^ *\d+ (pass|fail|skip)$/.test(line)).map((line) => line.trim());
  console.log(`Bun ${version}: ${summary.join(", ") || "no summary"}`);
  for (const line of lines.filter((line) => line.startsWith("(fail)"))) console.log(`  ${line}`);
  failed ||= code !== 0;
}
process.exit(failed ? 1 : 0);
