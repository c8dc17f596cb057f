/** Checks the sender of a message: SPF, DKIM, DMARC and ARC by the package mailauth. */
import { SMTPError, type SMTPSession } from "bun-smtp";
import { authenticate } from "mailauth";
import type { Body } from "./body.js";
import { bounded, type Resolve } from "./dns.js";
import { resolveTXT } from "./txt.js";

/** How it is judged. */
export interface Policy {
  /** This server, in the lines that it adds. */
  name: string;
  resolve: Resolve;
  /** The DNS server for TXT records; without, that of the system. */
  server?: string | undefined;
  /** Domains whose ARC seal is believed: mailing lists and forwarders that change messages. */
  trustedSealers: readonly string[];
}

/**
 * Gives the lines to put on top: Authentication-Results (RFC 8601) and Received-SPF.
 * Throws the reply for a message that its domain wants refused (DMARC with p=reject, RFC 9989).
 */
export async function check(body: Body, session: SMTPSession, policy: Policy): Promise<string> {
  const { mailFrom } = session.envelope;
  const { dmarc, arc, headers } = await authenticate(body.read(), {
    ip: session.remoteAddress,
    helo: session.hostNameAppearsAs,
    sender: mailFrom ? mailFrom.address : "",
    mta: policy.name,
    resolver: bounded((name, type) =>
      type === "TXT" ? resolveTXT(name, policy.server) : policy.resolve(name, type),
    ),
    disableBimi: true,
  });

  if (!dmarc) throw refusal(550, "5.6.0", "From does not name one domain");
  const { result, header } = dmarc.status;
  if (result === "temperror") throw refusal(451, "4.7.0", "The policy of the sender's domain cannot be read");
  if (result === "fail" && dmarc.policy === "reject" && !isVouchedFor(arc, policy.trustedSealers))
    throw refusal(550, "5.7.26", `Not authenticated as ${header?.from}, whose policy is to reject`);

  await body.edit(hideResults);
  return headers;
}

type ARC = Awaited<ReturnType<typeof authenticate>>["arc"];

/** Whether one of these domains says that the message passed before it was changed (ARC, RFC 8617). */
function isVouchedFor(arc: ARC, sealers: readonly string[]): boolean {
  if (!arc || arc.status.result !== "pass" || arc.authenticationResults?.dmarc?.result !== "pass")
    return false;
  // Not who signed the message: the seal alone covers what its server had found.
  const sealer = arc.chain?.at(-1)?.["arc-seal"]?.parsed?.d?.value;
  return sealer !== undefined && sealers.includes(sealer.toLowerCase());
}

function refusal(responseCode: number, enhancedCode: string, message: string): SMTPError {
  return new SMTPError(message, { responseCode, enhancedCode });
}

const FIELD = "Authentication-Results";
const HIDDEN = "X-Removed-Auth-Results"; // as long

/**
 * Renames what others claim to have found: a reader must find the results of this server alone (RFC 8601 section 5).
 * @param start the first octets of the message
 * @param isWhole whether there are no others
 */
function hideResults(start: Buffer, isWhole: boolean): void {
  const end = start.indexOf("\r\n\r\n");
  if (end < 0 && !isWhole) throw refusal(554, "5.6.0", "Header too long");
  const header = start.toString("latin1", 0, end < 0 ? start.length : end);
  for (const { index } of header.matchAll(new RegExp(`(?<=^|\n)${FIELD}[ \t]*:`, "gi")))
    start.write(HIDDEN, index, "latin1");
}
