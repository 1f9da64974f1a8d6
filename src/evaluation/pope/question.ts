import type { Split } from "./files.js";

/** A question with its true answer. */
export interface Question {
  split: Split;
  image: string;
  text: string;
  label: "yes" | "no";
}

/** Questions of one or all splits. */
export interface Questions {
  /** Files that were read, as paths. */
  inputs: string[];
  /** By the id that answers use. */
  byId: Map<string, Question>;
  /** Ids that several splits may mean: those of a label file, which every split counts from 1. */
  ambiguous: ReadonlySet<string>;
  /** In the order of the files. */
  ordered: Question[];
}

/** What a question is called where no question file gives it an id of its own: every split counts from 1. */
export function splitId(split: Split, id: string): string {
  return `${split}/${id}`;
}
