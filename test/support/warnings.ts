import { afterEach, beforeEach, spyOn } from "bun:test";

/** The texts that `process.emitWarning` got during a test, which are not printed. */
export function collectWarnings(): readonly string[] {
  const texts: string[] = [];
  beforeEach(() => {
    texts.length = 0;
    spyOn(process, "emitWarning").mockImplementation((warning: string | Error) => {
      texts.push(String(warning));
    });
  });
  afterEach(() => {
    spyOn(process, "emitWarning").mockRestore();
  });
  return texts;
}
