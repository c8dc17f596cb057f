/** How to make each program send a message: one table for plain SMTP, STARTTLS, implicit TLS and AUTH. */
import { file, run } from "./harness.js";
import type { Outcome, Program } from "./harness.js";
import { onTheWire, withLastLineEnd } from "./corpus.js";

/** How the connection is protected. */
export type Security = "plain" | "starttls" | "tls";
export const securities: readonly Security[] = ["plain", "starttls", "tls"];

/** Who logs in, and how. `secret` is the password or the token. */
export interface Login {
  mechanism: string;
  user: string;
  secret: string;
}

/** What to send, and where to: always from `a@client.test` to `b@mx.test` at `localhost`. */
export interface Mail {
  port: number;
  data: Buffer;
  security: Security;
  /** File with the certificate of the authority that the server's certificate must be from. */
  ca?: string;
  login?: Login;
  /** Files with the client's own certificate and key, for the mechanism EXTERNAL. */
  identity?: { cert: string; key: string };
}

/** A program that sends mail. */
export interface Client {
  program: Program;
  /** SASL mechanisms that it is tried with. */
  mechanisms: readonly string[];
  /** What arrives when it sends `data`: what the program itself completes. */
  arrives(data: Buffer): Buffer;
  send(mail: Mail): Promise<Outcome>;
}

/** The sender of every message of these tests. */
export const FROM = "a@client.test";
/** The recipient of every message of these tests. */
export const TO = "b@mx.test";

const isToken = (login: Login): boolean => login.mechanism.includes("OAUTH");

/** Some programs end the last line of an empty message too. */
const alwaysEnded = (data: Buffer): Buffer =>
  data.length === 0 ? Buffer.from("\r\n") : withLastLineEnd(data);

const curl: Client = {
  program: "curl",
  mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER"],
  arrives: withLastLineEnd,
  send({ port, data, security, ca, login, identity }) {
    const args = ["-q", "--silent", "--show-error", "--verbose", "--max-time", "50"];
    args.push("--mail-from", FROM, "--mail-rcpt", TO, "--upload-file", file(data));
    if (security === "starttls") args.push("--ssl-reqd");
    if (ca !== undefined) args.push("--cacert", ca);
    if (identity !== undefined) args.push("--cert", identity.cert, "--key", identity.key);
    if (login !== undefined) {
      args.push("--login-options", `AUTH=${login.mechanism}`);
      if (isToken(login)) args.push("--user", login.user, "--oauth2-bearer", login.secret);
      else args.push("--user", `${login.user}:${login.secret}`);
    }
    return run("curl", [...args, `${security === "tls" ? "smtps" : "smtp"}://localhost:${port}/client.test`]);
  },
};

const swaks: Client = {
  program: "swaks",
  mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5"],
  arrives: withLastLineEnd,
  send({ port, data, security, ca, login }) {
    const args = ["--server", `localhost:${port}`, "--helo", "client.test", "--from", FROM, "--to", TO];
    // It changes a message in several ways unless it is given what goes over the wire, less the last CRLF. A
    // file with nothing but a dot is none to it.
    const wire = onTheWire(data);
    const message = file(data.length === 0 ? wire : wire.subarray(0, -2));
    args.push("--timeout", "50", "--suppress-data", "--no-data-fixup", "--data", `@${message}`);
    if (security === "starttls") args.push("--tls");
    if (security === "tls") args.push("--tls-on-connect");
    if (ca !== undefined) args.push("--tls-verify", "--tls-ca-path", ca);
    if (login !== undefined) {
      args.push("--auth", login.mechanism, "--auth-user", login.user, "--auth-password", login.secret);
    }
    return run("swaks", args);
  },
};

const msmtp: Client = {
  program: "msmtp",
  mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"],
  arrives: withLastLineEnd,
  send({ port, data, security, ca, login, identity }) {
    const args = ["--host", "localhost", "--port", `${port}`, "--domain", "client.test", "--from", FROM];
    args.push("--debug", "--add-missing-from-header=off", "--add-missing-date-header=off");
    args.push("--remove-bcc-headers=off", "--set-msgid-header=off", "--timeout", "50");
    args.push(`--tls=${security === "plain" ? "off" : "on"}`);
    args.push(`--tls-starttls=${security === "starttls" ? "on" : "off"}`);
    if (ca !== undefined) args.push("--tls-trust-file", ca);
    if (identity !== undefined) args.push("--tls-cert-file", identity.cert, "--tls-key-file", identity.key);
    if (login !== undefined) {
      args.push(`--auth=${login.mechanism.toLowerCase()}`, "--user", login.user);
      args.push("--passwordeval", `cat ${file(`${login.secret}\n`)}`);
    }
    return run("msmtp", [...args, "--", TO], data);
  },
};

const smtplibScript = `
import json, smtplib, ssl, sys
mail = json.loads(sys.argv[1])
data = sys.stdin.buffer.read()
context = ssl.create_default_context(cafile=mail.get("ca"))
if mail["security"] == "tls":
    client = smtplib.SMTP_SSL("localhost", mail["port"], "client.test", timeout=50, context=context)
else:
    client = smtplib.SMTP("localhost", mail["port"], "client.test", timeout=50)
client.set_debuglevel(1 if len(data) < 10000 else 0)
with client:
    if mail["security"] == "starttls":
        client.starttls(context=context)
    client.ehlo_or_helo_if_needed()
    login = mail.get("login")
    if login:
        client.user, client.password = login["user"], login["secret"]
        answer = getattr(client, "auth_" + login["mechanism"].lower().replace("-", "_"))
        client.auth(login["mechanism"], answer)
    client.sendmail(mail["from"], [mail["to"]], data)
`;

/** The part of a mail that a script reads as JSON; the message goes to its standard input. */
const asJSON = ({ data: _, ...mail }: Mail): string => JSON.stringify({ ...mail, from: FROM, to: TO });

const smtplib: Client = {
  program: "python3",
  mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5"],
  arrives: alwaysEnded,
  send: (mail) => run("python3", ["-c", smtplibScript, asJSON(mail)], mail.data),
};

const nodemailerScript = `
const { createTransport } = require("nodemailer");
const { readFileSync } = require("node:fs");
const { port, security, ca, login, from, to } = JSON.parse(process.argv[1]);
const auth = login && {
  user: login.user,
  ...(login.mechanism === "XOAUTH2" ? { type: "OAuth2", accessToken: login.secret } : { pass: login.secret }),
};
const transport = createTransport({
  host: "localhost", port, name: "client.test",
  secure: security === "tls", requireTLS: security === "starttls", ignoreTLS: security === "plain",
  ...(ca && { tls: { ca: readFileSync(ca) } }),
  ...(auth && { auth, authMethod: login.mechanism }),
  socketTimeout: 50_000,
  logger: false,
});
transport.sendMail({ envelope: { from, to }, raw: readFileSync(0) }).then(
  (info) => console.log(info.response),
  (error) => {
    console.log(error.message);
    process.exitCode = 1;
  },
);
`;

const nodemailer: Client = {
  program: "node",
  mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
  arrives: alwaysEnded,
  send: (mail) => run("node", ["-e", nodemailerScript, asJSON(mail)], mail.data),
};

/** The programs that send one message in every way there is. */
export const clients: ReadonlyMap<string, Client> = new Map(
  Object.entries({ curl, swaks, msmtp, smtplib, Nodemailer: nodemailer }),
);
