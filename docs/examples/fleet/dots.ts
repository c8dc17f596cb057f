/** The transparency of DATA (RFC 5321 section 4.5.2). */
const CR = 13;
const LF = 10;
const DOT = 46;

/** Doubles the dot at the beginning of a line, wherever the pieces are cut, and adds the final dot. */
export async function* stuff(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // What stands before the first octet counts as a line end.
  let last = [CR, LF];
  for await (const piece of content) {
    const before = (at: number): number | undefined => (at < 0 ? last.at(at) : piece[at]);
    let from = 0;
    for (let at = piece.indexOf(DOT); at >= 0; at = piece.indexOf(DOT, at + 1)) {
      if (before(at - 1) !== LF || before(at - 2) !== CR) continue;
      yield piece.subarray(from, at + 1);
      from = at;
    }
    yield piece.subarray(from);
    last = [...last, ...piece.subarray(-2)].slice(-2);
  }
  const isEnded = last[0] === CR && last[1] === LF;
  yield Buffer.from(isEnded ? ".\r\n" : "\r\n.\r\n");
}
