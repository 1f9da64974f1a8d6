/**
 * A log whose lines stay lines: what clients send can neither begin a line of its own nor move the terminal's cursor.
 *
 * @param log Takes a line.
 */
export function oneLineLog(log: (line: string) => void): (line: string) => void {
  return (line) => log(line.replace(/[\p{Cc}\u2028\u2029]/gu, escaped));
}

function escaped(character: string): string {
  return JSON.stringify(character)
    .slice(1, -1)
    .replace(/^[^\\]$/u, (raw) => {
      return `\\u${raw.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
}
