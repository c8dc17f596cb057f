import { header, type Mail, parseMail } from "../mime.js";

/** What the server knows of a message. */
export interface Received {
  /** Unique, also over restarts. */
  id: string;
  received: Date;
  /** Address of the client, and how it came (RFC 3848), `ESMTPSA` for one. */
  client: string;
  protocol: string;
  mailFrom: string;
  rcptTo: readonly string[];
}

/** A line of the list. */
export interface Summary extends Received {
  from: string;
  subject: string;
  /** The text's first words. */
  preview: string;
  attachments: number;
  size: number;
}

export interface Message {
  readonly summary: Summary;
  readonly source: Uint8Array;
  /** The room that both take. */
  readonly octets: number;
}

export type Change = { added: Summary } | { removed: readonly string[] };

/** Characters of a text in the list. */
const MAX_SHOWN = 300;

function short(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text;
}

/** The messages, in memory. Where there are too many or they take too much room, the oldest go. */
export class Mailbox {
  /** Called after each change, with what a list that is kept elsewhere has to do. */
  onChange: (change: Change) => void = () => {};
  readonly #messages = new Map<string, Message>();
  readonly #maxMessages: number;
  readonly #maxOctets: number;
  #octets = 0;

  constructor(maxMessages: number, maxOctets: number) {
    this.#maxMessages = maxMessages;
    this.#maxOctets = maxOctets;
  }

  /** Adds a message, and gives what was read in it. */
  add(received: Received, source: Uint8Array): Mail {
    const mail = parseMail(source);
    const summary: Summary = {
      ...received,
      from: short(header(mail.headers, "From") || received.mailFrom),
      subject: short(header(mail.headers, "Subject")),
      preview: short(
        mail.text
          .slice(0, 4 * MAX_SHOWN)
          .replace(/\s+/g, " ")
          .trim(),
      ),
      attachments: mail.attachments.length,
      size: source.byteLength,
    };
    const octets = source.byteLength + JSON.stringify(summary).length;
    this.#messages.set(received.id, { summary, source, octets });
    this.#octets += octets;
    this.onChange({ added: summary });
    while (this.#messages.size > this.#maxMessages || this.#octets > this.#maxOctets) {
      this.remove([...this.#messages.keys()].slice(0, 1));
    }
    return mail;
  }

  get(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  /** Newest first. */
  list(): Summary[] {
    return Array.from(this.#messages.values(), ({ summary }) => summary).reverse();
  }

  /** Removes those that are there, all if not told which; how many that were. */
  remove(ids: readonly string[] = [...this.#messages.keys()]): number {
    const removed = ids.filter((id) => {
      this.#octets -= this.#messages.get(id)?.octets ?? 0;
      return this.#messages.delete(id);
    });
    if (removed.length > 0) this.onChange({ removed });
    return removed.length;
  }
}
