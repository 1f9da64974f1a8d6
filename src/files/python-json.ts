/** A string, which stays, or one of the numbers that Python writes and JSON lacks. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;

/**
 * Parses JSON as Python's json module writes it: NaN and infinities, which JSON lacks, become null.
 *
 * @param text - One JSON value.
 * @throws SyntaxError when it is not JSON.
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
  }
  return JSON.parse(text.replace(STRING_OR_NUMBER, (found) => (found.startsWith('"') ? found : "null"))) as unknown;
}
