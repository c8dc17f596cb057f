/** The socket that onSecure gets where a proxy ends the TLS session. */
import { expect, test } from "bun:test";
import { unencrypted } from "../../src/connection/transport.js";
import type { SMTPSession } from "../../src/index.js";

const endpoints = {
  remoteAddress: "198.51.100.7",
  remotePort: 1234,
  localAddress: "192.0.2.1",
  localPort: 25,
};

const session = (fields: object): SMTPSession => ({ ...endpoints, ...fields }) as SMTPSession;

test("says that it has no TLS, where the proxy says nothing of it", () => {
  let destroyed = 0;
  const socket = unencrypted(session({ servername: undefined, tlsOptions: false }), () => (destroyed += 1));
  expect(socket).toMatchObject({ ...endpoints, encrypted: false, authorized: false, servername: false });
  expect(socket.getPeerCertificate()).toEqual({} as never);
  expect(socket.getCipher()).toEqual({ name: "", standardName: "", version: "" });
  expect(socket.getProtocol()).toBeNull();
  socket.destroy();
  expect(destroyed).toBe(1);
});

test("says what the proxy said of its own", () => {
  const tlsOptions = {
    name: "ECDHE-RSA-AES128-GCM-SHA256",
    standardName: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    version: "TLSv1.2",
  };
  const socket = unencrypted(session({ servername: "mx.test", tlsOptions }), () => {});
  expect(socket).toMatchObject({ ...endpoints, encrypted: false, authorized: false, servername: "mx.test" });
  expect(socket.getCipher()).toEqual(tlsOptions);
  // A copy: the session keeps its own.
  expect(socket.getCipher()).not.toBe(tlsOptions);
  expect(socket.getProtocol()).toBe("TLSv1.2");
});

test("has no protocol where the proxy did not name it", () => {
  const tlsOptions = { name: "X", standardName: "X", version: "" };
  expect(unencrypted(session({ tlsOptions }), () => {}).getProtocol()).toBeNull();
});
