import { createAuthority } from "../support/certificates.js";
import type { Step, Transcript } from "./transcript.js";

const certificate = createAuthority("Test CA").issue("mx.test");

/** Options by which a transcript says itself what is encrypted, and from where on. */
const OWN_TLS = ["secure", "needsUpgrade", "useProxy"];

/** What the client says, or hears, of the upgrade that it has no need of now. */
const OF_STARTTLS = /^STARTTLS|Must issue a STARTTLS/m;

/**
 * The same conversation over TLS from its first octet. What differs is what RFC 3207 and RFC 3848 say: no
 * STARTTLS is offered, the transmission type has an S, and onSecure is called.
 * @returns `undefined` for a transcript that is itself about the way from plaintext to TLS
 */
export function overTLS(transcript: Transcript): Transcript | undefined {
  const { options, steps } = transcript;
  if (OWN_TLS.some((name) => name in options) || steps.some(isOfUpgrade)) return undefined;
  let called = false;
  const encrypted = steps.flatMap((step): Transcript["steps"] => {
    if (step.type === "exact" && step.text === "250-STARTTLS") return [];
    if (step.type !== "saw") return [step];
    if (step.what === "session.transmissionType")
      return [{ ...step, value: String(step.value).replace(/^(E?SMTP|LMTP)/, "$1S") }];
    if (step.what !== "hooks" || called || !Array.isArray(step.value)) return [step];
    called = true;
    return [{ ...step, value: ["secure", ...(step.value as unknown[])] }];
  });
  return {
    ...transcript,
    options: { ...options, ...certificate, secure: true },
    steps: [{ type: "act", act: "tls", argument: "", line: 0 }, ...encrypted],
  };
}

function isOfUpgrade(step: Step): boolean {
  if (step.type === "send") return OF_STARTTLS.test(step.bytes.toString("latin1"));
  if (step.type === "exact") return OF_STARTTLS.test(step.text);
  return step.type === "act" && step.act === "tls";
}
