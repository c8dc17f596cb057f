/** Nodemailer, as far as the tests use it. It is installed in this folder alone, so the root's type-check has no types of it. */
import { createRequire } from "node:module";

interface Nodemailer {
  createTransport(where: unknown): {
    sendMail(mail: object): Promise<{ response: string }>;
    close(): void;
  };
}

const nodemailer = createRequire(import.meta.url)("nodemailer") as Nodemailer;

export const createTransport: Nodemailer["createTransport"] = nodemailer.createTransport;
