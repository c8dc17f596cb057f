/**
 * The session as its client can know it, from nothing but what it sent and heard: an independent and
 * simple-minded reading of RFC 5321. What a hook was given must be what the client was told.
 */
import type { Trace } from "./play.js";
import type { Script } from "./script.js";

/** Removes the dots of DATA. @returns `undefined` where the end of data did not come */
export function referenceUnstuff(raw: string): { content: string; rest: string } | undefined {
  const text = `\r\n${raw}`;
  const end = text.indexOf("\r\n.\r\n");
  if (end < 0) return undefined;
  const content = text
    .slice(0, end + 2)
    .replaceAll("\r\n.", "\r\n")
    .slice(2);
  return { content, rest: text.slice(end + 5) };
}

const BARE = /\r(?!\n)|(?<!\r)\n/;
const COMMAND = /^([A-Za-z]{4,8})(?: ([^\r\n]*))?\r\n$/;

/** @returns what contradicts it */
export function checkClientView(script: Script, trace: Trace): string[] {
  const policy = script.options.bareNewlines ?? "reject";
  const problems: string[] = [];
  let told: { from: string; to: string[] } | undefined;
  let inMessage: string | undefined;
  let chunks: string | undefined;
  let at = 0;
  let lastMail = "";

  const compareMessage = (content: string, isBinary: boolean, heard: string): void => {
    const seen = trace.messages[at++];
    if (!seen)
      return void problems.push(`no onData for a message that was answered ${JSON.stringify(heard)}`);
    if (told && (seen.from !== told.from || JSON.stringify(seen.to) !== JSON.stringify(told.to))) {
      problems.push(`the client was told ${JSON.stringify(told)}, onData got ${JSON.stringify(seen)}`);
    }
    const isRejected = policy === "reject" && !isBinary && BARE.test(content);
    const expected = policy === "normalize" && !isBinary ? content.replace(/\r\n|\r|\n/g, "\r\n") : content;
    if (isRejected) {
      if (seen.bytes !== undefined) problems.push("a message with a bare newline looked whole");
      if (/^250/m.test(heard)) problems.push("a message with a bare newline was accepted");
    } else if (seen.bytes !== undefined && seen.bytes !== expected) {
      problems.push(`onData read ${JSON.stringify(seen.bytes)} where ${JSON.stringify(expected)} was sent`);
    }
    if (/^250.*OK/m.test(heard) && seen.error)
      problems.push(`250 for a stream that failed with ${seen.error}`);
  };

  for (const { sent, heard, accepted, isLogin, waits } of trace.exchanges) {
    if (waits || /^421/m.test(heard)) return problems;
    if (inMessage !== undefined && sent) {
      inMessage += sent.toString("latin1");
      const read = referenceUnstuff(inMessage);
      if (!read) {
        if (heard) problems.push(`a reply inside of a message: ${JSON.stringify(heard)}`);
        continue;
      }
      inMessage = undefined;
      const wanted = script.options.lmtp ? (told?.to.length ?? 1) : 1;
      if (read.rest === "" && heard.split("\r\n").length - 1 < wanted)
        problems.push(`a message without a reply: ${JSON.stringify(heard)}`);
      // What follows in the same piece is commands: which reply is whose cannot be known from here.
      compareMessage(read.content, false, read.rest === "" ? heard : "");
      if (read.rest !== "") return problems;
      told = undefined;
      continue;
    }
    if (isLogin) continue;
    // What STARTTLS forgets was forgotten at its 220 already.
    if (!sent || sent.length === 0) continue;
    const text = sent.toString("latin1");
    const chunk = /^BDAT (\d+)( LAST)?\r\n/.exec(text);
    if (chunk && text.length === chunk[0].length + Number(chunk[1])) {
      if (/^5/.test(heard)) {
        // Refused chunks, and whether they reached onData, are compared between plays only.
        return problems;
      }
      if (!/^250/.test(heard)) {
        if (chunk[2]) return problems;
        continue;
      }
      chunks = (chunks ?? "") + text.slice(chunk[0].length);
      if (!chunk[2]) continue;
      compareMessage(chunks, / BODY=BINARYMIME/i.test(lastMail), heard);
      chunks = undefined;
      told = undefined;
      continue;
    }
    const command = COMMAND.exec(text);
    // Half a line, two lines, or a line of an exchange: from here on a simple reader cannot follow.
    if (!command || /^334/m.test(heard) || chunks !== undefined || /^BDAT/i.test(text)) return problems;
    const verb = (command[1] as string).toUpperCase();
    if (heard === "") return problems;
    const isAccepted = heard.startsWith("250");
    if (verb === "MAIL" && isAccepted) {
      lastMail = text;
      told = { from: accepted[0] ?? "(no hook)", to: [] };
    } else if (verb === "RCPT" && isAccepted && told) {
      // The application changed the session behind the client's back.
      if (accepted[0]?.startsWith("mutate")) return problems;
      const address = accepted[0] ?? "(no hook)";
      const same = told.to.findIndex((other) => other.toLowerCase() === address.toLowerCase());
      if (same >= 0) told.to[same] = address;
      else told.to.push(address);
    } else if (
      (verb === "RCPT" && told && /need MAIL/.test(heard)) ||
      (verb === "DATA" && told?.to.length && /need/.test(heard))
    ) {
      problems.push(`told of ${JSON.stringify(told)}, and then ${JSON.stringify(heard)}`);
    } else if (verb === "DATA" && heard.startsWith("354")) {
      inMessage = "";
      if (!told || told.to.length === 0) problems.push("354 for a client without an accepted recipient");
    } else if (/^(RSET|EHLO|HELO|LHLO|XCLIENT|STARTTLS)$/.test(verb) && /^2/.test(heard)) {
      told = undefined;
    }
  }
  return problems;
}
