/** Reads the tables and the code spans of a Markdown page. */

/** A row of a table: its cells without escapes, and the heading above it. */
export interface Row {
  heading: string;
  cells: string[];
}

/** The rows of all tables, in order, without their heads. */
export function rowsOf(page: string): Row[] {
  let heading = "";
  let inBody = false;
  return withoutBlocks(page)
    .split("\n")
    .flatMap((line) => {
      const title = /^#+ (.*)$/.exec(line)?.[1];
      if (title !== undefined) heading = title;
      if (!line.startsWith("|")) inBody = false;
      else if (/^[| :-]+$/.test(line)) inBody = true;
      else if (inBody) {
        const cells = line.slice(1, -1).split(/(?<!\\)\|/);
        return [{ heading, cells: cells.map((cell) => cell.replaceAll("\\|", "|").trim()) }];
      }
      return [];
    });
}

/** A page without its code blocks. */
export const withoutBlocks = (page: string): string => page.replace(/^```[^]*?^```$/gm, "");

/** What stands between backticks, outside of code blocks. */
export const codeIn = (text: string): string[] =>
  Array.from(withoutBlocks(text).matchAll(/`([^`]+)`/g), ([, code = ""]) => code);

/** Anchors of a page's headings, as code hosts make them. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutBlocks(page).matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let nth = 0;
    while (anchors.has(nth === 0 ? anchor : `${anchor}-${nth}`)) nth++;
    anchors.add(nth === 0 ? anchor : `${anchor}-${nth}`);
  }
  return anchors;
}
