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
export const SURVIVORS: Readonly<Record<string, readonly Judged[]>> = {};
