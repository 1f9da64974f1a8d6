/**
 * A text on one line: control characters and line separators, which could forge a line or move a cursor, are escaped; so
 * are halves of characters, as cutting leaves them: gRPC cannot write them into a header, and would end the process.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, escaped);
}

/** A text for a terminal: its lines stay, and nothing in them moves the cursor or passes for another line. */
export function inLines(text: string): string {
  return text.split("\n").map(oneLine).join("\n");
}

/** A log whose lines stay lines, whatever clients send. */
export function oneLineLog(log: (line: string) => void): (line: string) => void {
  return (line) => log(oneLine(line));
}

function escaped(character: string): string {
  return JSON.stringify(character)
    .slice(1, -1)
    .replace(/^[^\\]$/u, (raw) => {
      return `\\u${raw.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
}
