/**
 * Types for `require`: TypeScript's `node16` does not let a CommonJS module require an ECMAScript module.
 * The build makes a copy with `assert` for TypeScript before 5.3, which does not know `with`.
 */
import type * as library from "./index.js" with { "resolution-mode": "import" };

export type * from "./index.js" with { "resolution-mode": "import" };
declare const _default: typeof library.default;
export default _default;
export const SMTPServer: typeof library.SMTPServer;
export type SMTPServer = library.SMTPServer;
export const SMTPError: typeof library.SMTPError;
export type SMTPError = library.SMTPError;
export const scramCredentials: typeof library.scramCredentials;
export const verifyPassword: typeof library.verifyPassword;
