/** For `require` in tools other than Bun; Bun itself loads testing.ts. */
module.exports = require("../testing.js");
