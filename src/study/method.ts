import type { CurriculumOrder } from "../curriculum/curriculum.js";

/** A loss by its name, with the parameters that differ from its defaults. */
interface Objective {
  readonly loss: string;
  readonly parameters: Readonly<Record<string, number>>;
}

/** A way to train that the study compares: what is learnt, in which order, against which reference. */
export interface Method {
  /** Key in `result.json` and name of the folder. */
  readonly name: string;
  /** Name in tables and on the page. */
  readonly title: string;
  readonly objective: Objective;
  readonly order: CurriculumOrder;
  /** Stages of equal size; the learning-rate schedule restarts in each. */
  readonly stages: number;
  /** Name of a reference policy. */
  readonly reference: "each-stage" | "fixed";
  /** The method whose searched settings this one takes; itself when it is searched. */
  readonly settingsOf: string;
}

const SCPO: Objective = { loss: "scpo", parameters: { anchor: 1 } };

/**
 * The compared methods. `scpo` has the anchor, which is our reconstruction (after mDPO and SymMPO); `scpo-no-anchor` is
 * the objective without it. So that what the anchor does is told apart from what the objective does, `dpo-anchor` is DPO
 * with the same anchor, and `anchor` is the anchor by itself. All of them learn from both directions of a pair.
 */
export const METHODS: readonly Method[] = [
  {
    name: "sft",
    title: "fine-tuning on the true texts",
    objective: { loss: "sft", parameters: { both_directions: 1 } },
    order: "shuffled",
    stages: 1,
    reference: "fixed",
    settingsOf: "sft",
  },
  {
    name: "dpo",
    title: "DPO",
    objective: { loss: "dpo", parameters: { both_directions: 1 } },
    order: "shuffled",
    stages: 1,
    reference: "fixed",
    settingsOf: "dpo",
  },
  {
    name: "dpo-anchor",
    title: "DPO with anchor",
    // Without its visual terms `scpo` is DPO on both directions.
    objective: { loss: "scpo", parameters: { visual: 0, visual_mirror: 0, anchor: 1 } },
    order: "shuffled",
    stages: 1,
    reference: "fixed",
    settingsOf: "dpo-anchor",
  },
  {
    name: "anchor",
    title: "anchor alone",
    objective: { loss: "scpo", parameters: { textual: 0, visual: 0, mirror_weight: 0, anchor: 1 } },
    order: "shuffled",
    stages: 1,
    reference: "fixed",
    settingsOf: "anchor",
  },
  {
    name: "scpo",
    title: "SCPO with anchor",
    objective: SCPO,
    order: "easy-to-hard",
    stages: 3,
    reference: "each-stage",
    settingsOf: "scpo",
  },
  {
    name: "scpo-no-anchor",
    title: "SCPO without anchor",
    objective: { loss: "scpo", parameters: {} },
    order: "easy-to-hard",
    stages: 3,
    reference: "each-stage",
    settingsOf: "scpo-no-anchor",
  },
];

/** Variants of `scpo` with one part taken away; they take its searched settings. */
export const ABLATIONS: readonly Method[] = [
  {
    name: "no-curriculum",
    title: "SCPO, shuffled order",
    objective: SCPO,
    order: "shuffled",
    stages: 3,
    reference: "each-stage",
    settingsOf: "scpo",
  },
  {
    name: "reversed",
    title: "SCPO, hard to easy",
    objective: SCPO,
    order: "hard-to-easy",
    stages: 3,
    reference: "each-stage",
    settingsOf: "scpo",
  },
  {
    name: "no-reset",
    title: "SCPO, fixed reference",
    objective: SCPO,
    order: "easy-to-hard",
    stages: 3,
    reference: "fixed",
    settingsOf: "scpo",
  },
];

/** What is compared: a method and the one that it is measured against. */
export const COMPARED: readonly (readonly [method: string, against: string])[] = [
  ...[...METHODS, ...ABLATIONS].filter(({ name }) => name !== "scpo").map(({ name }) => ["scpo", name] as const),
  // What the objective does by itself, and what DPO adds to its anchor.
  ["scpo-no-anchor", "dpo"],
  ["dpo-anchor", "anchor"],
];

/** The method of that name; throws a programmer's error when there is none. */
export function methodNamed(name: string): Method {
  const found = [...METHODS, ...ABLATIONS].find((method) => method.name === name);
  if (found === undefined) throw new Error(`no method named ${name}`);
  return found;
}
