import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { Exchange, MECHANISMS } from "../../src/sasl/index.js";
import type { Mechanism, Outcome, SaslEnvironment } from "../../src/sasl/index.js";
import type { AuthObject } from "../../src/types/index.js";

/** What onAuth answers: the two arguments of its callback. */
export type Answer = readonly [error: unknown, response?: unknown];

export const USER: Answer = [null, { user: "me" }];

export const environment: SaslEnvironment = {
  hostname: "mx.test",
  offersPlus: false,
  scramSecret: "a secret of the tests",
  nonce: () => "SERVERNONCE",
  now: () => 1_700_000_000_000,
};

/** The 32 octets that a TLS session would export. */
export const EXPORTED: Buffer = Buffer.alloc(32, 0x5a);

export const tlsEnvironment: SaslEnvironment = {
  ...environment,
  offersPlus: true,
  // RFC 9266 section 2: this label, and an empty context.
  exportKeyingMaterial: (length, label, context) =>
    label === "EXPORTER-Channel-Binding" && context.length === 0 ? Buffer.alloc(length, 0x5a) : undefined,
};

export function mechanism(name: string): Mechanism {
  const found = MECHANISMS.get(name);
  if (!found) throw new Error(`no mechanism ${name}`);
  return found;
}

export function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString("base64");
}

/** `{text}` in a line stands for its base64. */
export function encodeBraces(line: string): string {
  return line.replace(/\{([^]*)\}/, (_, text: string) => base64(text));
}

/** What a finished or waiting exchange has said and asked. */
export interface Talk {
  readonly exchange: Exchange;
  /** Every reply, code and text. */
  readonly replies: readonly string[];
  /** Every question to onAuth. */
  readonly auths: readonly AuthObject[];
  readonly last: Outcome;
}

/**
 * Plays a client until the exchange is over.
 * @param lines the first is the AUTH command, the others follow it, also made from the reply before; see
 *   {@link encodeBraces}
 * @param answer what onAuth answers
 */
export function talk(
  lines: readonly [command: string, ...(string | ((reply: string) => string))[]],
  answer: Answer | ((auth: AuthObject) => Answer) = USER,
  env: SaslEnvironment = environment,
): Talk {
  const [command, ...following] = lines;
  const [, name = "", initialResponse] = encodeBraces(command).split(" ");
  const exchange = new Exchange(mechanism(name), env);
  const replies: string[] = [];
  const auths: AuthObject[] = [];
  const settle = (outcome: Outcome): Outcome => {
    if (outcome.type === "credentials") {
      auths.push(outcome.auth);
      const [error, response] = typeof answer === "function" ? answer(outcome.auth) : answer;
      return settle(exchange.answer(error, response));
    }
    const code = outcome.type === "challenge" ? 334 : outcome.code;
    replies.push(`${code} ${outcome.text}`);
    const type = code === 334 ? "challenge" : code < 300 ? "success" : "failure";
    if (outcome.type !== type) throw new Error(`${replies.at(-1)} is no ${outcome.type}`);
    return outcome;
  };
  let last = settle(exchange.begin(initialResponse));
  for (const line of following) {
    if (last.type !== "challenge") break;
    last = settle(exchange.line(encodeBraces(typeof line === "string" ? line : line(replies.at(-1) ?? ""))));
  }
  return { exchange, replies, auths, last };
}

/** A dialogue of `C:` and `S:` lines, as the RFCs print them. */
export function dialogue(text: string): { client: [string, ...string[]]; server: string[] } {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim());
  const of = (side: string): string[] =>
    lines.filter((line) => line.startsWith(`${side}:`)).map((line) => encodeBraces(line.slice(3)));
  const [command = "", ...following] = of("C");
  return { client: [command, ...following], server: of("S") };
}

/** What a SCRAM client says in the end; each part can be replaced by a wrong one. */
export interface ScramFinal {
  readonly password?: string;
  /** The GS2 header of its first message, and what of it the proof was made with. */
  readonly header?: string;
  readonly name?: string;
  readonly nonce?: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** Octets after the header in `c=`. */
  readonly binding?: Uint8Array;
  /** In place of `c=` as it should be, base64. */
  readonly c?: string;
  /** In place of the nonce as it should be. */
  readonly r?: string;
  /** Between the nonce and the proof. */
  readonly extensions?: string;
}

export const CLIENT_NONCE = "CLIENTNONCE";

/** client-final-message (RFC 5802 section 7), written after the RFC and not after the server. */
export function scramFinal(final: ScramFinal): string {
  const { password = "pencil", header = "n,,", name = "user", salt, iterations, extensions = "" } = final;
  const nonce = final.nonce ?? `${CLIENT_NONCE}SERVERNONCE`;
  const c = final.c ?? base64(Buffer.concat([Buffer.from(header), final.binding ?? Buffer.alloc(0)]));
  const withoutProof = `c=${c},r=${final.r ?? nonce}${extensions}`;
  const serverFirst = `r=${nonce},s=${base64(salt)},i=${iterations}`;
  const authMessage = `n=${name},r=${CLIENT_NONCE},${serverFirst},${withoutProof}`;
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest();
  const signature = createHmac("sha256", storedKey).update(authMessage).digest();
  return `${withoutProof},p=${base64(clientKey.map((octet, i) => octet ^ (signature[i] ?? 0)))}`;
}

/** Salt and iterations of a server-first-message in a 334. */
export function shown(reply: string | undefined): { salt: Buffer; iterations: number } {
  const message = Buffer.from((reply ?? "").slice(4), "base64").toString();
  const [, salt = "", iterations = ""] = /,s=([^,]+),i=(\d+)$/.exec(message) ?? [];
  return { salt: Buffer.from(salt, "base64"), iterations: Number(iterations) };
}
