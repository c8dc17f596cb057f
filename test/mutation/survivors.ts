/** Mutants that no test can see, because no outcome changes, each with the reason. Printed by main.ts to be judged here. */

/** A mutant that survives, by the names that main.ts gives it. */
export interface Judged {
  /** The declaration that it is in. */
  readonly in: string;
  /** Its line, the change in place. */
  readonly change: string;
  /** One sentence: why no outcome changes. */
  readonly why: string;
}

/** By file, relative to `src/`. */
export const SURVIVORS: Readonly<Record<string, readonly Judged[]>> = {
  "wire/text.ts": [
    {
      in: "NON_ASCII",
      change: "const NON_ASCII = ‹/[^\\x00-\\x7f]/ → /[\\x00-\\x7f]/›;",
      why: "A text that is ASCII then takes the slower of two ways, which gives the same.",
    },
    {
      in: "toUpperASCII",
      change: "if (‹!LOWER.test(text) → false›) return text;",
      why: "It only spares the work for a text that is the same afterwards.",
    },
    {
      in: "toUpperASCII",
      change: "? text.replace(‹/[a-z]+/g → /[a-z]/g›, (letters) => letters.toUpperCase())",
      why: "Letter by letter gives the same, in more calls.",
    },
    {
      in: "toLowerASCII",
      change: "if (‹!UPPER.test(text) → false›) return text;",
      why: "It only spares the work for a text that is the same afterwards.",
    },
    {
      in: "toLowerASCII",
      change: "? text.replace(‹/[A-Z]+/g → /[A-Z]/g›, (letters) => letters.toLowerCase())",
      why: "Letter by letter gives the same, in more calls.",
    },
    {
      in: "SCRATCH",
      change: "const SCRATCH = Buffer.allocUnsafeSlow(‹1024 → 1025›);",
      why: "The scratch buffer may be longer than it has to be.",
    },
    {
      in: "SCRATCH_TEXT",
      change: "const SCRATCH_TEXT = ‹256 → 257›;",
      why: "The UTF-8 of 257 characters is at most 771 octets, which the scratch buffer holds.",
    },
    {
      in: "copyOf",
      change: "if (‹text.length > SCRATCH_TEXT → true›) return Buffer.from(text).toString();",
      why: "A Buffer for each text gives the same copy, more slowly.",
    },
    {
      in: "copyOf",
      change:
        "if (‹text.length > SCRATCH_TEXT → text.length >= SCRATCH_TEXT›) return Buffer.from(text).toString();",
      why: "A Buffer for a text of 256 characters gives the same copy, more slowly.",
    },
  ],
};
