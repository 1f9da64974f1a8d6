import { spearman } from "../numbers/statistics.js";
import { streamTable } from "../pairs/table.js";

/** Rank correlations of a graded file's numbers: one of each two columns, by the first and the second; null: undefined. */
export type SignalCorrelations = Readonly<Record<string, Readonly<Record<string, number | null>>>>;

/**
 * How signals and difficulty hang together: Spearman's correlation of each two columns over the pairs that have both.
 * Memory: 8 bytes a pair and column.
 *
 * @param path - Graded pairs file.
 * @param signals - Names of number columns.
 * @returns Pairs that have each signal; difficulty with each signal, then each signal with those after it.
 */
export async function signalCorrelations(
  path: string,
  signals: readonly string[],
): Promise<{ coverage: Record<string, number>; correlations: SignalCorrelations }> {
  const names = ["difficulty", ...signals];
  const columns: number[][] = names.map(() => []);
  for await (const row of streamTable(
    path,
    names.map((name) => ({ name, kind: "double", optional: true })),
  )) {
    for (const [index, name] of names.entries()) columns[index]?.push((row[name] as number | null) ?? NaN);
  }
  const correlate = (one: readonly number[], other: readonly number[]): number | null => {
    const both = one.flatMap((value, row) => (Number.isNaN(value) || Number.isNaN(other[row]) ? [] : [row]));
    return spearman(
      both.map((row) => one[row] as number),
      both.map((row) => other[row] as number),
    );
  };
  const coverage = signals.map((name, index) => {
    const present = columns[index + 1]?.filter((value) => !Number.isNaN(value)) ?? [];
    return [name, present.length] as const;
  });
  const correlations = Object.fromEntries(
    names
      .slice(0, -1)
      .map((name, index) => [
        name,
        Object.fromEntries(
          names
            .slice(index + 1)
            .map((other, place) => [
              other,
              correlate(columns[index] as number[], columns[index + 1 + place] as number[]),
            ]),
        ),
      ]),
  );
  return { coverage: Object.fromEntries(coverage), correlations };
}
