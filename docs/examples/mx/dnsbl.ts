/** Blocklists of addresses that send spam, asked by DNS (RFC 5782). */
import type { Resolve } from "./dns.js";

/**
 * Whether a list has the address of a client.
 * @param zone the list, such as `zen.spamhaus.org`
 */
export async function isListed(address: string, zone: string, resolve: Resolve): Promise<boolean> {
  // A list that has nothing about the address, or does not answer, is no reason to refuse mail.
  const answers = await resolve(`${reversed(address)}.${zone}`, "A").catch(() => []);
  // 127.255.255.0/24 says that the list does not answer this resolver, not that it has the address.
  return answers.flat().some((answer) => /^127\.(?!255\.255\.)/.test(answer));
}

/** `192.0.2.1` is `1.2.0.192`, and IPv6 so by each hexadecimal digit. */
function reversed(address: string): string {
  if (!address.includes(":")) return address.split(".").reverse().join(".");
  return [...groupsOf(address).join("")].reverse().join(".");
}

/** The eight groups of an IPv6 address, each of four digits. */
export function groupsOf(address: string): string[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [start = [], end] = canonical.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const zeros = end ? Array<string>(8 - start.length - end.length).fill("0") : [];
  return [...start, ...zeros, ...(end ?? [])].map((group) => group.padStart(4, "0"));
}
