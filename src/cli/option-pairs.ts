import { UserError } from "../errors.js";

/**
 * Reads the values of `--option`.
 *
 * @param texts - Each `name=value`.
 * @throws UserError when one is not, or a name comes twice.
 */
export function optionPairs(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw new UserError(`--option is ${JSON.stringify(text)}, expected name=value`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const twice = pairs.find(([name], at) => pairs.findIndex(([other]) => other === name) !== at);
  if (twice !== undefined) throw new UserError(`--option ${twice[0]}=... is given twice; keep one of both`);
  return Object.fromEntries(pairs);
}
