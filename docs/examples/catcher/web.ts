/**
 * The web page of the catcher and its JSON API.
 *
 * A mail is written by somebody else, and its HTML as well. The page therefore never makes markup of a
 * mail's text, and shows its HTML in a frame that may neither run scripts nor load anything.
 */
import { join } from "node:path";
import { header, parseMail } from "../mime.js";
import type { Mailbox, Message } from "./mailbox.js";

const FOR_ALL = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-DNS-Prefetch-Control": "off",
  "Cache-Control": "no-store",
};

/** Nothing but the three files of the page, its API, and frames of our own. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** A mail's HTML: its styles and the images that it brings. Links open in a new window, which is free again. */
const MAIL_POLICY = [
  "sandbox allow-popups allow-popups-to-escape-sandbox",
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "frame-ancestors 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Changes that wait for a page that does not read. With more it has to connect anew. */
const MAX_WAITING = 1000;

export interface Web {
  readonly url: URL;
  stop(): Promise<void>;
}

export interface WebOptions {
  hostname: string;
  port: number;
  /** Told to the page, which tells the reader where to send mail. */
  smtpPort: number;
}

/** Serves a mailbox. */
export function serve(mailbox: Mailbox, { hostname, port, smtpPort }: WebOptions): Web {
  const pages = new Set<ReadableStreamDefaultController<string>>();
  mailbox.onChange = (change) => {
    for (const page of pages) {
      if ((page.desiredSize ?? 0) > 0) page.enqueue(toEvent(change));
      else {
        pages.delete(page);
        page.close();
      }
    }
  };

  /** What is there and then the changes to come, as server-sent events. */
  function events(): ReadableStream<string> {
    let page: ReadableStreamDefaultController<string>;
    return new ReadableStream<string>(
      {
        start(controller) {
          pages.add((page = controller));
          controller.enqueue(toEvent({ all: mailbox.list(), smtpPort }));
        },
        cancel: () => void pages.delete(page),
      },
      { highWaterMark: MAX_WAITING },
    );
  }

  const server = Bun.serve({
    hostname,
    port,
    routes: {
      "/": file("index.html", { "Content-Security-Policy": PAGE_POLICY }),
      "/style.css": file("style.css"),
      "/script.js": file("script.js"),

      "/api/messages": {
        GET: guarded(() => json({ messages: mailbox.list() })),
        DELETE: guarded(() => json({ removed: mailbox.remove() })),
      },
      "/api/messages/:id": {
        GET: guarded((request: Bun.BunRequest<"/api/messages/:id">) =>
          found(mailbox.get(request.params.id), (message) => json(details(message))),
        ),
        DELETE: guarded((request: Bun.BunRequest<"/api/messages/:id">) =>
          mailbox.remove([request.params.id]) === 1 ? json({ removed: 1 }) : notFound(),
        ),
      },
      "/api/messages/:id/source": guarded((request: Bun.BunRequest<"/api/messages/:id/source">) =>
        found(mailbox.get(request.params.id), ({ source }) =>
          reply(source, { "Content-Type": "text/plain; charset=utf-8" }),
        ),
      ),
      "/api/messages/:id/html": guarded((request: Bun.BunRequest<"/api/messages/:id/html">) =>
        found(mailbox.get(request.params.id), (message) =>
          reply(html(message), {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": MAIL_POLICY,
          }),
        ),
      ),
      "/api/messages/:id/attachments/:index": guarded(
        (request: Bun.BunRequest<"/api/messages/:id/attachments/:index">) =>
          found(mailbox.get(request.params.id), (message) => attachment(message, request.params.index)),
      ),
      "/api/events": guarded((request, server) => {
        server.timeout(request, 0);
        return reply(events(), { "Content-Type": "text/event-stream" });
      }),
    },
    fetch: notFound,
  });
  return { url: server.url, stop: () => server.stop(true) };
}

type Handler<R extends Request> = (request: R, server: Bun.Server<undefined>) => Response;

/**
 * Keeps out a web site that lets its own name point to this machine and so becomes, for the browser, one with
 * this page ("DNS rebinding"). It needs a name of the public DNS, with a dot in it.
 */
function guarded<R extends Request>(handler: Handler<R>): Handler<R> {
  return (request, server) =>
    /^(?:\[.*\]|[\d.]+|[^.]+)$/.test(new URL(request.url).hostname)
      ? handler(request, server)
      : reply("Use the address, or localhost", {}, 403);
}

function reply(body: Bun.BodyInit, headers: Record<string, string>, status = 200): Response {
  return new Response(body, { status, headers: { ...FOR_ALL, ...headers } });
}

const toEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
const json = (value: unknown): Response => Response.json(value, { headers: FOR_ALL });
const notFound = (): Response => reply("Not found", {}, 404);
const file = (name: string, headers: Record<string, string> = {}): Response =>
  reply(Bun.file(join(import.meta.dir, "page", name)), headers);

function found(message: Message | undefined, show: (message: Message) => Response): Response {
  return message ? show(message) : notFound();
}

function details({ summary, source }: Message) {
  const { headers, text, html, attachments } = parseMail(source);
  return {
    ...summary,
    to: header(headers, "To"),
    cc: header(headers, "Cc"),
    date: header(headers, "Date"),
    headers,
    text,
    html,
    attachments: attachments.map(({ name, type, content }) => ({ name, type, size: content.byteLength })),
  };
}

/** The HTML of a mail, with the images that it brings put in. What else it may do, the policy says. */
function html({ source }: Message): string {
  const { html, attachments } = parseMail(source);
  const shown = html.replace(/\bcid:([^"'\s<>)]+)/gi, (link, id: string) => {
    const image = attachments.find(({ contentId }) => contentId === id);
    if (!image || !/^image\/[\w.+-]+$/.test(image.type)) return link;
    return `data:${image.type};base64,${Buffer.from(image.content).toString("base64")}`;
  });
  return `<!doctype html><base target="_blank">${shown}`;
}

function attachment({ source }: Message, index: string): Response {
  const part = parseMail(source).attachments[Number(index)];
  if (!part) return notFound();
  const name = encodeURIComponent(part.name || `attachment-${index}`).replace(/['()*]/g, hex);
  return reply(part.content, {
    // Never shown, whatever it says that it is.
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
  });
}

/** For what `encodeURIComponent` leaves and RFC 8187 does not want. */
const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
