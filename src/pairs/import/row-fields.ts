import { shown } from "../../files/rows.js";
import { RowFault } from "./importer.js";

/** Takes fields of a row and says which is at fault. */
export class RowFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #at: string;
  readonly #taken: Set<string>;

  /**
   * @param value - Should be an object.
   * @param at - Path of the object within its row; empty for the row itself.
   * @param taken - Where the names of the fields that were taken are noted.
   * @throws RowFault when it is none.
   */
  constructor(value: unknown, at = "", taken = new Set<string>()) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw new RowFault(at === "" ? "(row)" : at, `found ${describe(value)}, expected an object`);
    }
    this.#fields = value as Record<string, unknown>;
    this.#at = at;
    this.#taken = taken;
  }

  /** Names of the fields that are there. */
  get names(): string[] {
    return Object.keys(this.#fields);
  }

  /** Path of a field within the row. */
  path(name: string): string {
    return this.#at === "" ? name : `${this.#at}.${name}`;
  }

  /** Names of the fields that nobody has taken so far. */
  get untaken(): string[] {
    return this.names.filter((name) => !this.#taken.has(name));
  }

  /** The same row without some of its fields; what is taken of one is taken of both. */
  without(names: readonly string[]): RowFields {
    const fields = Object.fromEntries(Object.entries(this.#fields).filter(([name]) => !names.includes(name)));
    return new RowFields(fields, this.#at, this.#taken);
  }

  /** A field's value, which is taken by that; undefined when it is missing or null. */
  value(name: string): unknown {
    this.#taken.add(name);
    return this.peek(name);
  }

  /** A field's value, which is not taken by that. */
  peek(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  /** A field that must be there. */
  required(name: string): unknown {
    const value = this.value(name);
    if (value !== undefined) return value;
    const found = this.names.length === 0 ? "none" : this.names.slice(0, 8).join(", ");
    throw new RowFault(this.path(name), `is missing; expected it beside the fields found (${shown(found)})`);
  }

  /** A field that holds text. */
  text(name: string): string {
    return asText(this.required(name), this.path(name));
  }

  /** A field that holds text or is missing. */
  optionalText(name: string): string | null {
    const value = this.value(name);
    return value === undefined ? null : asText(value, this.path(name));
  }

  /** A field that holds true or false, or is missing. */
  optionalTruth(name: string): boolean | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (typeof value === "boolean") return value;
    throw new RowFault(this.path(name), `found ${describe(value)}, expected true or false`);
  }

  /** A field that holds a finite number or is missing. */
  optionalNumber(name: string): number | null {
    const value = this.value(name);
    if (value === undefined) return null;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number)) return number;
    throw new RowFault(this.path(name), `found ${describe(value)}, expected a number`);
  }

  /** A field that holds an id, text or a whole number, or is missing; 7 and "7" are the same id. */
  optionalId(name: string): string | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (typeof value === "string" && value.trim() !== "") return value;
    if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) return String(value);
    throw new RowFault(this.path(name), `found ${describe(value)}, expected text or a whole number`);
  }

  /** A field that holds a list. */
  list(name: string): unknown[] {
    const value = this.required(name);
    if (Array.isArray(value)) return value;
    throw new RowFault(this.path(name), `found ${describe(value)}, expected a list`);
  }

  /** A field that holds a list of texts or is missing. */
  optionalTexts(name: string): string[] | null {
    if (this.value(name) === undefined) return null;
    return this.list(name).map((item, index) => asText(item, `${this.path(name)}[${index}]`));
  }

  /** A field that holds an object. */
  fields(name: string): RowFields {
    return new RowFields(this.required(name), this.path(name));
  }
}

/**
 * Takes text.
 * @param value - Should be a string.
 * @param field - Path of the field, for the message.
 * @throws RowFault when it is none.
 */
export function asText(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw new RowFault(field, `found ${describe(value)}, expected text`);
}

/** A found value in a few words. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return shown(`an object of ${Object.keys(value).join(", ")}`).slice(1, -1);
  return shown(value);
}
