// Texts of a mail become text nodes, never markup. Its HTML is shown by a frame that may run nothing.
import { linksOf } from "./links.js";

const MAX_SHOWN = 500_000; // characters of a text or a source; more would hold the browser up

const $ = (id) => document.getElementById(id);

/** Newest first. */
let messages = [];
/** The ids that the search found; `undefined` without one. */
let found;
/** What the reader deleted: the page goes on to the next mail, where one that made room for others stays. */
const deleting = new Set();
/** The message that is shown, with all its details, and the one that was last asked for. */
let current;
let wanted;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const url = (id, ...rest) => ["/api/messages", id, ...rest].join("/");

function size(octets) {
  if (octets < 1000) return `${octets} bytes`;
  const unit = octets < 1e6 ? "kB" : "MB";
  return `${(octets / (unit === "kB" ? 1e3 : 1e6)).toFixed(octets < 1e4 ? 1 : 0)} ${unit}`;
}

function cut(text) {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n\n… the rest is in the download` : text;
}

// ---- the list ---------------------------------------------------------------------------------------

function makeRow(message) {
  const row = $("row").content.cloneNode(true).querySelector("button");
  const when = new Date(message.received);
  row.querySelector(".from").textContent = message.from || "<>";
  row.querySelector(".subject").textContent = message.subject || "(no subject)";
  row.querySelector(".preview").textContent = message.preview;
  row.querySelector(".clip").hidden = message.attachments === 0;
  row.querySelector(".clips").textContent = message.attachments;
  const time = row.querySelector("time");
  time.dateTime = message.received;
  time.title = when.toLocaleString();
  const isToday = when.toDateString() === new Date().toDateString();
  time.textContent = isToday
    ? when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : when.toLocaleDateString([], { day: "numeric", month: "short" });
  row.dataset.id = message.id;
  row.classList.toggle("unread", !message.isRead);
  row.setAttribute("aria-current", current?.id === message.id);
  row.addEventListener("click", () => open(message.id));
  return row.closest("li") ?? element("li", {}, row);
}

const shown = () => (found ? messages.filter(({ id }) => found.has(id)) : messages);

let searching;
/** Lets the server search, which knows all of each mail. */
function search() {
  clearTimeout(searching);
  searching = setTimeout(async () => {
    const query = $("search").value.trim();
    if (query === "") found = undefined;
    else {
      const response = await fetch(`/api/messages?query=${encodeURIComponent(query)}`);
      const answer = await response.json();
      if (query !== $("search").value.trim()) return; // another search is on its way
      found = new Set(answer.messages.map(({ id }) => id));
    }
    draw();
  }, 100);
}

let isDrawing = false;
/** Draws the list once, however many changes there are until the next frame. */
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    const rows = shown();
    const focused = document.activeElement?.dataset.id;
    const nav = $("list").parentElement;
    const height = nav.scrollHeight;
    $("list").replaceChildren(...rows.map(makeRow));
    // New mail comes on top, and must not move what the reader looks at.
    if (nav.scrollTop > 0) nav.scrollTop += nav.scrollHeight - height;
    if (focused) document.querySelector(`[data-id="${focused}"]`)?.focus();
    const total = `${messages.length} ${messages.length === 1 ? "message" : "messages"}`;
    $("count").textContent = rows.length === messages.length ? total : `${rows.length} of ${total}`;
    $("clear").disabled = messages.length === 0;
    const unread = messages.filter(({ isRead }) => !isRead).length;
    document.body.classList.toggle("without-mail", messages.length === 0);
    document.title = unread > 0 ? `(${unread}) Catcher` : "Catcher";
    $("empty").querySelector("h2").textContent = messages.length > 0 ? "No mail selected" : "No mail yet";
  });
}

// ---- one message ------------------------------------------------------------------------------------

async function open(id) {
  wanted = id;
  const response = await fetch(url(id));
  const message = response.ok ? await response.json() : undefined;
  if (!message || wanted !== id) return;
  current = message;
  history.replaceState(null, "", `#${id}`);
  if (!message.isRead) {
    void fetch(url(id), {
      method: "PATCH",
      body: JSON.stringify({ isRead: true }),
      headers: { "Content-Type": "application/json" },
    });
  }
  const { from, to, cc, date, mailFrom, rcptTo, client, protocol, size: octets } = current;
  const facts = {
    From: from,
    To: to,
    Cc: cc,
    Date: date,
    Envelope: `<${mailFrom}> → ${rcptTo.map((address) => `<${address}>`).join(", ")}`,
    Received: `${new Date(current.received).toLocaleString()}, from ${client} by ${protocol}, ${size(octets)}`,
  };
  $("subject").textContent = current.subject || "(no subject)";
  $("facts").replaceChildren(
    ...Object.entries(facts)
      .filter(([, value]) => value !== "")
      .flatMap(([name, value]) => [
        element("dt", { textContent: name }),
        element("dd", { textContent: value }),
      ]),
  );
  $("attachments").replaceChildren(
    ...current.attachments.map(({ name, type, size: octets }, index) => {
      const link = element("a", { href: url(id, "attachments", index), download: name, title: type });
      link.append(name || type, " ", element("span", { textContent: size(octets) }));
      return element("li", {}, link);
    }),
  );
  $("download").href = url(id, "source");
  $("download").download = `${id}.eml`;
  for (const button of $("tabs").children) {
    const kind = button.dataset.tab;
    button.hidden = (kind === "html" || kind === "text") && current[kind] === "";
  }
  $("empty").hidden = true;
  $("gone").hidden = true;
  $("message").hidden = false;
  document.body.classList.add("reading");
  show(current.html !== "" ? "html" : current.text !== "" ? "text" : "headers");
  draw();
}

const panels = {
  html: ({ id }, withImages) =>
    element("iframe", {
      title: "The HTML of the mail",
      src: url(id, withImages ? "html?images=1" : "html"),
      // The server's policy says the same; twice holds better.
      sandbox: "allow-popups allow-popups-to-escape-sandbox",
    }),
  text: ({ text }) => {
    const pieces = linksOf(cut(text)).map(({ text, href }) =>
      href ? element("a", { href, target: "_blank", rel: "noopener noreferrer", textContent: text }) : text,
    );
    return element("pre", { className: "text" }, ...pieces);
  },
  headers: ({ headers }) =>
    element(
      "table",
      {},
      ...headers.map(({ name, value }) =>
        element(
          "tr",
          {},
          element("th", { scope: "row", textContent: cut(name) }),
          element("td", { textContent: cut(value) }),
        ),
      ),
    ),
  source: ({ id }) => {
    const pre = element("pre", { textContent: "…" });
    fetch(url(id, "source"))
      .then((response) => response.text())
      .then((text) => (pre.textContent = cut(text)));
    return pre;
  },
};

function show(tab, withImages = false) {
  for (const button of $("tabs").children) button.setAttribute("aria-selected", button.dataset.tab === tab);
  $("blocked").hidden = tab !== "html" || !current.hasRemoteImages || withImages;
  $("panel").replaceChildren(panels[tab](current, withImages));
  $("panel").scrollTop = 0;
}

function close() {
  current = wanted = undefined;
  $("message").hidden = true;
  $("empty").hidden = false;
  $("panel").replaceChildren();
  history.replaceState(null, "", location.pathname);
  document.body.classList.remove("reading");
  draw();
}

/** Opens the message so many rows further down. */
function move(step) {
  const rows = shown();
  const at = rows.findIndex(({ id }) => id === current?.id);
  const next = rows[at < 0 ? 0 : at + step];
  if (next) void open(next.id);
}

// ---- what the server says ---------------------------------------------------------------------------

function remove(ids) {
  const gone = new Set(ids);
  const rows = shown();
  const at = rows.findIndex(({ id }) => id === current?.id);
  messages = messages.filter(({ id }) => !gone.has(id));
  if (current && gone.has(current.id) && !deleting.delete(current.id)) $("gone").hidden = false;
  else if (current && gone.has(current.id)) {
    const next = rows.slice(at + 1).find(({ id }) => !gone.has(id)) ?? shown()[0];
    close();
    if (next) void open(next.id);
  }
  draw();
}

const events = new EventSource("/api/events");
events.addEventListener("error", () => {
  $("live").textContent = "not connected";
  $("live").classList.remove("on");
});
events.addEventListener("message", ({ data }) => {
  const { all, added, changed, removed, ...about } = JSON.parse(data);
  if (all) start(all, about);
  if (added) messages.unshift(added);
  if (changed) messages = messages.map((message) => (message.id === changed.id ? changed : message));
  if (removed) remove(removed);
  if ((added || all) && $("search").value !== "") search();
  draw();
});

/** The first thing that is said, also after a pause: all that is there. */
function start(all, { smtpPort, startTLS, isKept }) {
  const there = new Set(all.map(({ id }) => id));
  remove(messages.map(({ id }) => id).filter((id) => !there.has(id)));
  messages = all;
  $("live").textContent = "live";
  $("live").classList.add("on");
  $("smtp-port").textContent = smtpPort;
  $("in-memory").hidden = isKept;
  $("in-database").hidden = !isKept;
  $("with-tls").hidden = !startTLS;
  $("without-tls").hidden = startTLS;
  $("try").textContent = `printf 'Subject: Hello\\r\\n\\r\\nIs this thing on?\\r\\n' |
  curl smtp://${location.hostname}:${smtpPort} -T - \\
    --mail-from me@example.com --mail-rcpt you@example.com`;
  openFromAddress();
}

/** Opens what the address names, so that a reload does not close the mail. */
function openFromAddress() {
  const id = location.hash.slice(1);
  if (id && id !== current?.id && messages.some((message) => message.id === id)) void open(id);
}

// ---- what the reader does ---------------------------------------------------------------------------

window.addEventListener("hashchange", openFromAddress);
$("search").addEventListener("input", search);
$("back").addEventListener("click", close);
$("tabs").addEventListener("click", ({ target }) => target.dataset.tab && show(target.dataset.tab));
$("unblock").addEventListener("click", () => show("html", true));
$("delete").addEventListener("click", () => {
  if (!current) return;
  if (!messages.some(({ id }) => id === current.id)) return close();
  deleting.add(current.id);
  void fetch(url(current.id), { method: "DELETE" });
});
$("clear").addEventListener("click", () => {
  const many = messages.length === 1 ? "the only message" : `all ${messages.length} messages`;
  $("question").textContent = `Delete ${many}?`;
  $("ask").showModal();
});
$("no").addEventListener("click", () => $("ask").close());
$("yes").addEventListener("click", () => {
  $("ask").close();
  for (const { id } of messages) deleting.add(id);
  void fetch("/api/messages", { method: "DELETE" });
});

document.addEventListener("keydown", (event) => {
  if (event.target === $("search") || $("ask").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    "/": () => $("search").focus(),
    Delete: () => $("delete").click(),
    Escape: close,
  };
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
