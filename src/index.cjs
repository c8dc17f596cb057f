/** The door for `require` in tools that are not Bun; Bun itself requires index.ts. */
const library = require("./index.js");

exports.__esModule = true;
exports.default = library.default;
exports.SMTPServer = library.SMTPServer;
exports.SMTPError = library.SMTPError;
exports.scramCredentials = library.scramCredentials;
