const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  copy: "©",
  euro: "€",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  shy: "",
  zwj: "",
  zwnj: "",
};

/** Elements that do not end a word. */
const INLINE = /^(?:a|abbr|b|big|code|em|font|i|mark|q|s|small|span|strong|sub|sup|u|wbr)$/i;

/** What is no text: comments, elements with all that is in them, tags. Each one that is not closed takes all of the rest. */
const MARKUP =
  /<!--[^]*?(?:-->|$)|<(style|script|title|template)\b[^]*?(?:<\/\1\s*>|$)|<[/!?]?([a-z][^\s/>]*)[^>]*(?:>|$)/gi;

/** The text that HTML shows, about: good enough for a preview and a search. */
export function textOfHTML(html: string): string {
  return html
    .replace(MARKUP, (_, _element, tag: string | undefined) => (tag && INLINE.test(tag) ? "" : " "))
    .replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,8}));?/gi, (entity, decimal, hexadecimal, name) => {
      const code = decimal ? Number(decimal) : parseInt(hexadecimal, 16);
      if (name !== undefined) return ENTITIES[name] ?? entity;
      return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
    })
    .replace(/[\u00ad\u034f\u200b\u200c\ufeff]/g, ""); // what fills the previews of newsletters
}
