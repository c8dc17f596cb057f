/** For `require` in tools other than Bun; Bun itself loads index.ts. */
const library = require("./index.js");

exports.__esModule = true;
exports.default = library.default;
exports.SMTPServer = library.SMTPServer;
exports.SMTPError = library.SMTPError;
exports.scramCredentials = library.scramCredentials;
exports.verifyPassword = library.verifyPassword;
