/** Types for `require`, as in index.d.cts. */
import type * as library from "../testing.js" with { "resolution-mode": "import" };

export type * from "../testing.js" with { "resolution-mode": "import" };
export const connect: typeof library.connect;
export const decodeWords: typeof library.decodeWords;
export const header: typeof library.header;
export const parseMail: typeof library.parseMail;
export const startInbox: typeof library.startInbox;
