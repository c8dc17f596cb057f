/** What testssl.sh and sslscan say about a server with its default TLS options, by STARTTLS and by implicit TLS. */
import { afterAll, describe, expect, setDefaultTimeout } from "bun:test";
import { readFileSync } from "node:fs";
import type { SMTPServerOptions } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import { cleanUp, run, scratchPath, server, TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

// With a key of RSA TLS 1.2 has most to offer: RSA key exchange and its attacks too.
const identity = createAuthority("Scanned CA").issueRSA("localhost");

const ways: readonly (readonly [name: string, options: SMTPServerOptions, isStartTLS: boolean])[] = [
  ["STARTTLS", { ...identity }, true],
  ["implicit TLS", { ...identity, secure: true, needsUpgrade: true }, false],
];

const SUITES = {
  "TLSv1.2": ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"],
  "TLSv1.3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
};

/** The suites of each version that sslscan was answered with. */
function suitesIn(xml: string): Record<string, string[]> {
  const suites: Record<string, string[]> = {};
  for (const [, version = "", cipher = ""] of xml.matchAll(
    /<cipher [^>]*sslversion="([^"]+)"[^>]* cipher="([^"]+)"/g,
  ))
    (suites[version] ??= []).push(cipher);
  for (const list of Object.values(suites)) list.sort();
  return suites;
}

/** One line of testssl.sh's report. */
interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

// The rest of its vulnerabilities are of suites and versions, and sslscan shows that there are none of these.
const CHECKS = [
  "--protocols",
  "--heartbleed",
  "--ccs-injection",
  "--robot",
  "--renegotiation",
  "--compression",
];

/** Severities of testssl.sh that say nothing is wrong. */
const GOOD = ["OK", "INFO", "DEBUG"];

describe.concurrent.each(ways)("%s", (_, options, isStartTLS) => {
  testWith("sslscan")("sslscan: TLS 1.2 and 1.3, ECDHE and AEAD alone", async () => {
    await using running = await server(options);
    // Its own test of heartbleed sends on a connection that was closed, and it ends there; testssl.sh has one too.
    const args = ["--no-heartbleed", "--xml=-", ...(isStartTLS ? ["--starttls-smtp"] : [])];
    const { code, stdout, output } = await run("sslscan", [...args, `127.0.0.1:${running.port}`]);
    expect(code, output).toBe(0);
    const enabled = [...stdout.matchAll(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g)];
    expect(enabled.map(([, type, version]) => `${type} ${version}`)).toEqual(["tls 1.2", "tls 1.3"]);
    expect(suitesIn(stdout)).toEqual(SUITES);
    expect(stdout).toContain('<renegotiation supported="0"');
  });

  testWith("testssl")("testssl.sh: no old version, no vulnerability", async () => {
    await using running = await server(options);
    const report = scratchPath();
    const starttls = isStartTLS ? ["--starttls", "smtp"] : [];
    const args = [
      "--quiet",
      "--color",
      "0",
      "--nodns",
      "none",
      "--warnings",
      "batch",
      ...CHECKS,
      ...starttls,
    ];
    const { output } = await run("testssl", [...args, "--jsonfile", report, `127.0.0.1:${running.port}`]);
    const findings = JSON.parse(readFileSync(report, "utf8")) as Finding[];
    const found = Object.fromEntries(findings.map(({ id, finding }) => [id, finding]));
    for (const version of ["SSLv2", "SSLv3", "TLS1", "TLS1_1"])
      expect(found[version], output).toStartWith("not offered");
    for (const version of ["TLS1_2", "TLS1_3"]) expect(found[version], output).toStartWith("offered");
    for (const id of ["heartbleed", "CCS", "ROBOT", "secure_renego", "secure_client_renego", "CRIME_TLS"])
      expect(found, output).toHaveProperty(id);
    // It says of itself that Debian's OpenSSL has no engines.
    const wrong = findings.filter(({ id, severity }) => !GOOD.includes(severity) && id !== "engine_problem");
    expect(wrong).toEqual([]);
  });
});
