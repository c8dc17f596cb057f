import { isBlank } from "../wire/command.js";
import { DotReader } from "../wire/dot-reader.js";
import { withOctets, withAllFields, type Action, type Answer, type Body } from "./action.js";
import type { Command } from "./client.js";
import { Message } from "./message.js";
import { noArgument } from "./refusal.js";

/** The octets of DATA up to CRLF . CRLF. */
class DataBody implements Body {
  readonly type = "body";
  readonly #dots = new DotReader();
  readonly #message: Message;

  constructor(message: Message) {
    this.#message = message;
  }

  get full(): boolean {
    return this.#message.full;
  }

  read(chunk: Buffer): Buffer | undefined {
    const rest = this.#dots.read(chunk, this.#message);
    if (rest) this.#message.end();
    return rest;
  }

  finish(): Answer | Promise<Answer> {
    return this.#message.replies();
  }
}

const START: Action = withOctets({ code: 354, text: "End data with <CR><LF>.<CR><LF>" });

/** DATA (RFC 5321 4.1.1.4). It calls onData, and sends the answer after the end of the message. */
export const DATA: Command = {
  afterHello: true,
  afterAuth: true,
  run(client, args) {
    if (!isBlank(args)) return noArgument("DATA");
    if (client.message) return { code: 503, text: "Error: BDAT in progress" };
    if (client.session.envelope.rcptTo.length === 0) return { code: 503, text: "Error: need RCPT command" };
    if (client.session.envelope.bodyType === "binarymime") {
      // RFC 3030 3: a message in BINARYMIME cannot be sent in lines.
      return { code: 503, text: "Error: BODY=BINARYMIME requires BDAT" };
    }
    return withAllFields({ ...START, reader: new DataBody(new Message(client)) });
  },
};
