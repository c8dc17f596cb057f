/** The program under test. It sends by hand what your mailer sends for you. */
import { connect } from "node:net";
import { createInterface } from "node:readline/promises";

export interface MailServer {
  host: string;
  port: number;
}

/** Welcomes a new user. */
export async function signUp(address: string, server: MailServer): Promise<void> {
  const message = [
    "From: Little Shop <hello@shop.example>",
    `To: ${address}`,
    "Subject: =?utf-8?Q?Welcome_=E2=9C=93?=",
    "Content-Type: text/plain; charset=utf-8",
    "",
    `Confirm your address: https://shop.example/confirm/${Bun.hash(address).toString(36)}`,
  ].join("\r\n");
  const socket = connect(server);
  const lines = createInterface(socket);
  socket.on("error", () => lines.close());
  const replies = lines[Symbol.asyncIterator]();
  try {
    for (const command of [
      "",
      "HELO shop.example\r\n",
      "MAIL FROM:<hello@shop.example>\r\n",
      `RCPT TO:<${address}>\r\n`,
      "DATA\r\n",
      `${message}\r\n.\r\n`,
      "QUIT\r\n",
    ]) {
      socket.write(command);
      const reply = (await replies.next()).value ?? "no reply";
      if (!/^[23]/.test(reply)) throw new Error(`The mail server said: ${reply}`);
    }
  } finally {
    socket.destroy();
  }
}
