/**
 * `smtp-server/lib/tls-options`, which published programs import: the options for a TLS context, with the defaults of
 * this package under those that are given. In CommonJS, as the module is its one function.
 */
const { selfSignedCertificate } = require("../transport/self-signed-certificate.ts");

const IDENTITY = ["key", "cert", "pfx"];
let made;

/** @param {object | null} [given] options of node:tls */
module.exports = function tlsOptions(given) {
  const options = { honorCipherOrder: true, minVersion: "TLSv1.2", ...given };
  if (IDENTITY.some((name) => options[name])) return options;
  made ??= selfSignedCertificate("localhost");
  return { ...options, ...made };
};
