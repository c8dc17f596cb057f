/**
 * What the example uses of its packages, so that it type-checks where they are not installed. Without this file the
 * types are those of the packages.
 */
declare module "mailauth" {
  import type { Readable } from "node:stream";

  interface Status {
    result: string;
  }

  export function authenticate(
    message: Buffer | Readable,
    options: {
      ip: string;
      helo: string;
      sender: string;
      mta: string;
      disableBimi: boolean;
      resolver(name: string, type: string): Promise<string[] | string[][]>;
    },
  ): Promise<{
    /** False where the message does not have one domain in From. */
    dmarc: false | { policy: string; status: Status & { header?: { from?: string } } };
    arc:
      | false
      | {
          status: Status;
          /** What the last server that sealed it had found. */
          authenticationResults?: { dmarc?: { result?: string } };
          /** The seals, the last one at the end. */
          chain?: { "arc-seal"?: { parsed?: { d?: { value?: string } } } }[];
        };
    /** Lines to be put on top. */
    headers: string;
  }>;
}

declare module "dns-packet" {
  export interface Answer {
    id: number;
    rcode: string;
    /** There is more, to be had over TCP. */
    flag_tc: boolean;
    questions: { name: string }[];
    answers: { type: string; data: Buffer[] }[];
  }
  export const RECURSION_DESIRED: number;
  export function decode(data: Buffer): Answer;
  export function encode(query: {
    type: "query";
    id: number;
    flags: number;
    questions: { type: string; name: string }[];
    additionals: { type: "OPT"; name: string; udpPayloadSize: number }[];
  }): Buffer;
}
