// Finds the links of a text. The server of the mail has chosen every character of it.

/** What a link may be: the browser runs `javascript:` and opens files with `file:`. */
const SAFE = ["http:", "https:", "mailto:"];
const MAX_LINKS = 2000;
const MAX_LENGTH = 2000;

/** Cuts a text into pieces, in order: `{ text }`, and `{ text, href }` for a link. */
export function linksOf(text) {
  const pieces = [];
  let at = 0;
  let left = MAX_LINKS;
  for (const { 0: found, index } of text.matchAll(/\b(?:https?:\/\/|mailto:)[^\s<>"]+/gi)) {
    if (left-- === 0) break;
    let end = found.length;
    // A sentence goes on behind it, and brackets around it are not part of it.
    while (/[.,;:!?'*_»”’\])}]/.test(found[end - 1]) && !(found[end - 1] === ")" && hasPair(found, end)))
      end--;
    const link = found.slice(0, end);
    if (end > MAX_LENGTH || !URL.canParse(link) || !SAFE.includes(new URL(link).protocol)) continue;
    if (index > at) pieces.push({ text: text.slice(at, index) });
    pieces.push({ text: link, href: link });
    at = index + end;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** The closing bracket at the end belongs to one that the link has. */
function hasPair(link, end) {
  return link.slice(0, Math.min(end, MAX_LENGTH)).includes("(");
}
