import { hasControlCharacters } from "../files/path-guard.js";
import { fieldName, type FieldPath } from "../run-file/position.js";
import type { FieldViolation } from "./faults.js";

const mostValues = 5000;
const mostLevels = 32;
const mostBytes = 256 * 1024;

/**
 * Why settings are too much to look at, or hold what no setting holds; null when they can be checked. It takes a time
 * that grows with their size alone, and looks at no more than is allowed.
 *
 * @param settings Values as JSON has them.
 */
export function sizeProblem(settings: unknown): FieldViolation | null {
  const wrong = (description: string, path: FieldPath = []): FieldViolation => ({
    field: path.length === 0 ? "settings" : `settings.${fieldName(path)}`,
    description,
  });
  const open: { readonly value: unknown; readonly path: FieldPath }[] = [{ value: settings, path: [] }];
  let values = 0;
  let bytes = 0;
  const isText = (text: string): boolean => {
    bytes += Buffer.byteLength(text);
    return !hasControlCharacters(text);
  };
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    values += 1;
    if (values + open.length > mostValues)
      return wrong(`hold more than ${mostValues} values, expected at most as many`);
    if (path.length > mostLevels)
      return wrong(`hold values within values more than ${mostLevels} deep, expected at most as many`);
    if (bytes > mostBytes) return wrong(`hold more than ${mostBytes} bytes of text, expected at most as many`);
    if (typeof value === "string" && !isText(value)) return wrong("holds control characters, expected none", path);
    if (value === null || typeof value !== "object") continue;
    for (const [name, inner] of Object.entries(value)) {
      if (!Array.isArray(value) && !isText(name))
        return wrong("holds a name with control characters, expected none", path);
      open.push({ value: inner, path: [...path, Array.isArray(value) ? Number(name) : name] });
    }
  }
  return bytes > mostBytes ? wrong(`hold more than ${mostBytes} bytes of text, expected at most as many`) : null;
}
