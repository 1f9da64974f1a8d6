/** What a check found: fine, usable with a drawback, or in the way of a run. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly level: "ok" | "warn" | "fail";
  /** What was found, and what was expected where it is not ok. */
  readonly found: string;
  /** What to do about it; absent where there is nothing to mend. */
  readonly mend?: string;
}
