/** Where JSON text goes wrong, counted in characters from 1. */
export interface JsonPosition {
  line: number;
  column: number;
}

const BLANK = /[ \t\n\r]*/y;
// JSON forbids bare control characters in strings.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Finds the place where text stops being JSON; the engine's own message names it only sometimes.
 *
 * @param text - Text that `JSON.parse` refused.
 * @returns The place of the first token that does not fit; the end of the text where something is missing.
 */
export function jsonErrorPosition(text: string): JsonPosition {
  const at = firstMisfit(text);
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let end = before.indexOf("\n"); end !== -1; end = before.indexOf("\n", end + 1)) line += 1;
  return { line, column: at - lineStart + 1 };
}

/** A small machine over tokens: `expects` says what may come next, `open` which brackets are open. */
function firstMisfit(text: string): number {
  const open: string[] = [];
  let expects: "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" | "nothing" = "value";
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const closed = (): typeof expects => (open.length === 0 ? "nothing" : "comma or end");
  for (;;) {
    take(BLANK);
    const character = text[at];
    if (character === undefined) return text.length;
    const inObject = open.at(-1) === "{";
    if ((expects === "key" || expects === "key or end") && take(STRING)) {
      expects = "colon";
    } else if (expects === "colon" && character === ":") {
      expects = "value";
      at += 1;
    } else if (expects === "comma or end" && character === ",") {
      expects = inObject ? "key" : "value";
      at += 1;
    } else if (expects.endsWith("or end") && character === (inObject ? "}" : "]")) {
      open.pop();
      expects = closed();
      at += 1;
    } else if (!expects.startsWith("value")) {
      return at;
    } else if (character === "{" || character === "[") {
      open.push(character);
      expects = character === "{" ? "key or end" : "value or end";
      at += 1;
    } else if (take(STRING) || take(SCALAR)) {
      expects = closed();
    } else {
      return at;
    }
  }
}
