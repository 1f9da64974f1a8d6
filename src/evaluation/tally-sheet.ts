/** Sums of the columns of a sheet by column name; a column without entries is 0. */
export type Totals = Readonly<Record<string, number>>;

/** One unit's entries: column name to value, zeros left out. */
export type TallyRow = Readonly<Record<string, number>>;

/** Entries for which a new column has room before it grows. */
const FIRST_ROOM = 64;

/**
 * Counts by unit (an image), kept as numbers only: eight bytes an entry, so that memory follows the number of annotated
 * images and never the length of the answers.
 */
export class TallySheet {
  private readonly unitIds = new Map<string, number>();
  private readonly entries = new Map<string, Float64Array>();

  /** Names of the columns, in the order of their first use. */
  get columns(): string[] {
    return [...this.entries.keys()];
  }

  /** Ids of the units, in the order of their first use. */
  get units(): string[] {
    return [...this.unitIds.keys()];
  }

  /** Number of units. */
  get size(): number {
    return this.unitIds.size;
  }

  /**
   * Adds to an entry; the unit and the column come into being on first use.
   *
   * @param unit - Id of the image.
   * @param column - What is counted; a category's count is `category/count`.
   * @param value - Finite; 0 only makes the unit known.
   */
  add(unit: string, column: string, value: number): void {
    if (!Number.isFinite(value))
      throw new RangeError(`tally ${column} of ${unit} is ${value}, expected a finite number`);
    let at = this.unitIds.get(unit);
    if (at === undefined) this.unitIds.set(unit, (at = this.unitIds.size));
    if (value === 0) return;
    let values = this.entries.get(column);
    if (values === undefined || at >= values.length) {
      const grown = new Float64Array(Math.max(FIRST_ROOM, 2 * (values?.length ?? 0), at + 1));
      if (values !== undefined) grown.set(values);
      this.entries.set(column, (values = grown));
    }
    values[at] = (values[at] as number) + value;
  }

  /** The entries of a unit, zeros left out. */
  row(unit: string): TallyRow {
    const at = this.unitIds.get(unit) ?? -1;
    const entries = [...this.entries].map(([name, values]) => [name, values[at] ?? 0] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== 0));
  }

  /** Sums over all units. */
  totals(): Totals {
    return Object.fromEntries(
      [...this.entries].map(([name, values]) => {
        let sum = 0;
        for (const value of values) sum += value;
        return [name, sum];
      }),
    );
  }

  /**
   * The whole sheet as one table.
   *
   * @param units - Ids of units in the order of the rows; one that is not known is a row of zeros.
   * @returns Values, shape (units, columns), row after row.
   */
  table(units: readonly string[]): Float64Array {
    const columns = [...this.entries.values()];
    const table = new Float64Array(units.length * columns.length);
    for (const [row, unit] of units.entries()) {
      const at = this.unitIds.get(unit) ?? -1;
      for (const [column, values] of columns.entries()) table[row * columns.length + column] = values[at] ?? 0;
    }
    return table;
  }
}
