const LONGEST = 60;

/** For `test.each`: each text with a title before it, as JSON and cut where it is long. */
export function titled(texts: readonly string[]): [title: string, text: string][] {
  return texts.map((text) => {
    const title = JSON.stringify(text);
    return [title.length > LONGEST ? `${title.slice(0, LONGEST)}… (${text.length})` : title, text];
  });
}
