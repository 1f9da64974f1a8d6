import { short } from "../../report/format.js";
import { type Markup, markup } from "../../report/markup.js";
import type { FileFacts, Filter, Verdict } from "../wire.js";
import { fill, grouped } from "./elements.js";

const VERDICTS: readonly (readonly [Verdict, string])[] = [
  ["undecided", "undecided"],
  ["accept", "accepted"],
  ["reject", "rejected"],
  ["stage", "re-graded"],
];

/** Shows the filters of a file with what is chosen. */
export function showFilters(root: HTMLElement, file: FileFacts, filter: Filter): void {
  const decided = file.verdicts.accept + file.verdicts.reject + file.verdicts.stage;
  const verdictCount = (verdict: Verdict): number =>
    verdict === "undecided" ? file.rows - decided : file.verdicts[verdict];
  const none = "none";
  // What has the focus is made anew, and gets it back.
  const focused = root.contains(document.activeElement) ? document.activeElement?.id : undefined;
  fill(
    root,
    markup`${group(
      "Decision",
      VERDICTS.map(([verdict, name]) =>
        choice("verdicts", verdict, name, verdictCount(verdict), filter.verdicts.includes(verdict)),
      ),
    )}${group(
      "Stage",
      file.stages.map(({ value, count }) =>
        choice(
          "stages",
          JSON.stringify(value),
          value === null ? none : String(value),
          count,
          filter.stages.includes(value),
        ),
      ),
    )}${group(
      "Kind",
      file.kinds.map(({ value, count }) =>
        choice("kinds", JSON.stringify(value), value ?? none, count, filter.kinds.includes(value)),
      ),
    )}${group(
      "Rejected is true of its picture",
      file.truths.map(({ value, count }) =>
        choice("truths", JSON.stringify(value), truthName(value), count, filter.truths.includes(value)),
      ),
    )}${group("Missing", [choice("incomplete", "true", "still to be made", null, filter.incomplete)])}${
      file.numbers.length === 0
        ? null
        : group(
            "Numbers, from and to",
            file.numbers.map((column) => range(column, filter)),
          )
    }`,
  );
  if (focused) document.getElementById(focused)?.focus();
}

function truthName(value: boolean | null): string {
  return value === null ? "not known" : value ? "yes" : "no";
}

function group(title: string, content: readonly Markup[]): Markup {
  return markup`<fieldset><legend>${title}</legend>${content}</fieldset>`;
}

function choice(field: string, value: string, name: string, count: number | null, isChosen: boolean): Markup {
  const box = isChosen
    ? markup`<input type="checkbox" id="${field}-${value}" data-field="${field}" value="${value}" checked>`
    : markup`<input type="checkbox" id="${field}-${value}" data-field="${field}" value="${value}">`;
  const many = count === null ? null : markup`<span class="many">${grouped(count)}</span>`;
  return markup`<label class="choice">${box}<span>${name}</span>${many}</label>`;
}

function range({ name, low, high }: FileFacts["numbers"][number], filter: Filter): Markup {
  const chosen = filter.ranges.find(({ column }) => column === name);
  const end = (which: "low" | "high", value: number | null | undefined, whole: number): Markup =>
    markup`<input type="text" inputmode="decimal" id="${which}-${name}" data-range="${name}" data-end="${which}" aria-label="${name} ${which === "low" ? "from" : "to"}" placeholder="${short(whole)}" value="${value === null || value === undefined ? "" : String(value)}">`;
  return markup`<div class="range${chosen === undefined ? "" : " active"}"><span class="range-name">${name}</span><div class="ends">${end("low", chosen?.low, low)}<span>–</span>${end("high", chosen?.high, high)}</div></div>`;
}

/**
 * What the filters say after one was changed.
 *
 * @returns Null where nothing changed, or where a number cannot be read.
 */
export function changedFilter(target: EventTarget | null, filter: Filter): Filter | null {
  if (!(target instanceof HTMLInputElement)) return null;
  const { field, range: column, end } = target.dataset;
  if (column !== undefined) {
    const value = target.value.trim() === "" ? null : Number(target.value.replace("−", "-").replace(",", "."));
    if (value !== null && !Number.isFinite(value)) {
      target.setAttribute("aria-invalid", "true");
      return null;
    }
    const before = filter.ranges.find((range) => range.column === column) ?? { column, low: null, high: null };
    return withRange(filter, column, end === "low" ? value : before.low, end === "high" ? value : before.high);
  }
  const toggled = <Value>(values: readonly Value[], value: Value): Value[] =>
    target.checked ? [...values, value] : values.filter((each) => each !== value);
  switch (field) {
    case "verdicts":
      return { ...filter, verdicts: toggled(filter.verdicts, target.value as Verdict) };
    case "stages":
      return { ...filter, stages: toggled(filter.stages, JSON.parse(target.value) as number | null) };
    case "kinds":
      return { ...filter, kinds: toggled(filter.kinds, JSON.parse(target.value) as string | null) };
    case "truths":
      return { ...filter, truths: toggled(filter.truths, JSON.parse(target.value) as boolean | null) };
    case "incomplete":
      return { ...filter, incomplete: target.checked };
    case undefined:
    default:
      return null;
  }
}

/** The filter with the range of one column in the place of an earlier one. */
export function withRange(filter: Filter, column: string, low: number | null, high: number | null): Filter {
  const others = filter.ranges.filter((range) => range.column !== column);
  return { ...filter, ranges: low === null && high === null ? others : [...others, { column, low, high }] };
}
