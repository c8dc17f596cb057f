/**
 * The web page of the catcher and its JSON API.
 *
 * The sender of a mail writes its HTML. The page therefore never makes markup of a mail's text, and shows its
 * HTML in a frame that may not run scripts, and loads nothing but images that the reader asks for.
 */
import { join } from "node:path";
import { header, parseMail } from "bun-smtp/testing";
import type { Mailbox, Message } from "./mailbox.js";

const FOR_ALL = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-DNS-Prefetch-Control": "off",
  "Cache-Control": "no-store",
};

/** Nothing but the files of the page, its API, and frames of our own. */
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

/**
 * A mail's HTML: its styles and the images that it brings. Links open in a new window, which is free again.
 * @param images where images may come from
 */
const mailPolicy = (images: string): string =>
  [
    "sandbox allow-popups allow-popups-to-escape-sandbox",
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `img-src ${images}`,
    "frame-ancestors 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

/** An image, or a background, that another server has. What this does not find stays blocked as well. */
const REMOTE_IMAGE =
  /(?:<(?:img|source|input|video|image)\b[^<>]*=|\bbackground=|\burl\()(?:["'\s]|&quot;|&#39;)*(?:https?:)?\/\//i;

/** Changes that wait for a page that does not read. With more it has to connect again. */
const MAX_WAITING = 1000;

export interface Web {
  readonly url: URL;
  stop(): Promise<void>;
}

export interface WebOptions {
  hostname: string;
  port: number;
  /** Shown on the page: where to send mail, whether STARTTLS is offered, whether mail outlives the program. */
  smtpPort: number;
  startTLS: boolean;
  isKept: boolean;
}

/** Serves a mailbox. */
export function serve(mailbox: Mailbox, { hostname, port, ...about }: WebOptions): Web {
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
          controller.enqueue(toEvent({ all: mailbox.list(), ...about }));
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
      "/": guarded(() => file("index.html", { "Content-Security-Policy": PAGE_POLICY })),
      "/style.css": file("style.css"),
      "/script.js": file("script.js"),
      "/links.js": file("links.js"),

      "/api/messages": {
        GET: guarded((request) => json({ messages: mailbox.list(queryOf(request)) })),
        DELETE: guarded((request) =>
          json({ removed: mailbox.remove(mailbox.list(queryOf(request)).map(({ id }) => id)) }),
        ),
      },
      "/api/messages/:id": {
        GET: guarded((request: Bun.BunRequest<"/api/messages/:id">) =>
          found(mailbox.get(request.params.id), (message) => json(details(message))),
        ),
        PATCH: guarded(async (request: Bun.BunRequest<"/api/messages/:id">) => {
          const { isRead } = ((await request.json().catch(() => null)) ?? {}) as { isRead?: unknown };
          if (typeof isRead !== "boolean")
            return reply('the body must be { "isRead": true } or false', {}, 400);
          const changed = mailbox.mark(request.params.id, isRead);
          return changed ? json(changed) : notFound();
        }),
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
            "Content-Security-Policy": mailPolicy(
              new URL(request.url).searchParams.get("images") === "1" ? "data: https: http:" : "data:",
            ),
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

type Handler<R extends Request> = (request: R, server: Bun.Server<undefined>) => Response | Promise<Response>;

/**
 * Keeps out a web site that lets its own name point to this machine and so becomes, for the browser, one with
 * this page ("DNS rebinding"). It needs a name of the public DNS: with a dot in it, and not below `localhost`,
 * which belongs to the machine itself (RFC 6761 section 6.3).
 */
function guarded<R extends Request>(handler: Handler<R>): Handler<R> {
  return (request, server) => {
    const { hostname, port } = new URL(request.url);
    if (/^(?:\[.*\]|[\d.]+|[^.]+|.*\.localhost)$/.test(hostname)) return handler(request, server);
    const reason = `This page does not answer to the name ${hostname}: a web site whose name points to this machine
could read the mail (DNS rebinding). Use http://localhost:${port}, a name that ends in .localhost, a name without a
dot, or an IP address.`;
    return reply(reason.replaceAll("\n", " "), { "Content-Type": "text/plain; charset=utf-8" }, 403);
  };
}

const queryOf = (request: Request): string => new URL(request.url).searchParams.get("query") ?? "";

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
    hasRemoteImages: REMOTE_IMAGE.test(html),
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
  // No policy stops <link rel=preconnect> from telling a server that the mail is read.
  return `<!doctype html><base target="_blank">${shown.replace(/<link(?=[\s/>])/gi, "<no-link")}`;
}

function attachment({ source }: Message, index: string): Response {
  const part = parseMail(source).attachments[Number(index)];
  if (!part) return notFound();
  const name = encodeURIComponent(part.name || `attachment-${index}`).replace(/['()*]/g, hex);
  return reply(part.content, {
    // Never shown, whatever it is said to be.
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
  });
}

/** For what `encodeURIComponent` leaves and RFC 8187 does not want. */
const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
