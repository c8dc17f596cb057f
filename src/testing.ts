/** bun-smtp/testing: what a test of mail needs, a server that keeps messages and a client in memory. */
import "./runtime.js";

export { type ConnectOptions, connect, type TestClient } from "./testing/connect.js";
export { type Inbox, type InboxOptions, type Login, type NextOptions, startInbox } from "./testing/inbox.js";
export type { Match } from "./testing/given.js";
export type { MemoryTLS } from "./testing/memory-tls.js";
export type { Message, WantedMessage } from "./testing/message.js";
export { type Attachment, decodeWords, header, type Header, type Mail, parseMail } from "./testing/mime.js";
export type { Failure, FailureStage, FailureStages, PlannedFailure, Refusal } from "./testing/refusals.js";
export type { Reply } from "./testing/reply.js";
