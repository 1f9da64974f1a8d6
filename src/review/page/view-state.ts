import type { Filter, Sort } from "../wire.js";

/** What the page shows; it stands in the address behind #, so that a reload and the back button find it again. */
export interface ViewState {
  readonly filter: Filter;
  readonly sort: Sort;
  /** From 0. */
  readonly page: number;
  readonly figures: boolean;
  /** Columns whose relation is shown; null: the first two. */
  readonly relation: readonly [x: string, y: string] | null;
}

/** Everything, in the order of the file. */
export const START: ViewState = {
  filter: { text: "", kinds: [], stages: [], verdicts: [], truths: [], ranges: [], incomplete: false },
  sort: { column: null, descending: false },
  page: 0,
  figures: false,
  relation: null,
};

/** Whether a filter shows everything. */
export function isEmpty(filter: Filter): boolean {
  return JSON.stringify(filter) === JSON.stringify(START.filter);
}

/** The state as the address has it: what differs from the start. */
export function hashOf(state: ViewState): string {
  const filter = Object.fromEntries(
    Object.entries(state.filter).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(START.filter[name as keyof Filter]),
    ),
  );
  const parts = {
    ...(Object.keys(filter).length > 0 ? { filter } : {}),
    ...(state.sort.column !== null || state.sort.descending ? { sort: state.sort } : {}),
    ...(state.page > 0 ? { page: state.page } : {}),
    ...(state.figures ? { figures: true } : {}),
    ...(state.relation !== null ? { relation: state.relation } : {}),
  };
  return Object.keys(parts).length === 0 ? "" : `#${encodeURIComponent(JSON.stringify(parts))}`;
}

/** The state that an address names; what cannot be read is the start. */
export function stateFrom(hash: string): ViewState {
  try {
    const parts = JSON.parse(decodeURIComponent(hash.slice(1))) as Partial<ViewState>;
    return { ...START, ...parts, filter: { ...START.filter, ...parts.filter } };
  } catch {
    return START;
  }
}
