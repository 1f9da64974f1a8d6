/** What keys do. */
export interface KeyActions {
  readonly move: (by: number) => void;
  /** Moves by lines of the grid. */
  readonly moveLines: (by: number) => void;
  readonly turnPage: (by: number) => void;
  readonly decide: (verdict: "accept" | "reject" | "undecided") => void;
  readonly regrade: (stage: number) => void;
  readonly undo: () => void;
  readonly open: () => void;
  readonly toggleFigures: () => void;
  readonly search: () => void;
  readonly help: () => void;
}

/** Whether keys go to a field that text is typed into. */
export function isTyping(): boolean {
  const { activeElement } = document;
  if (activeElement instanceof HTMLInputElement) return activeElement.type !== "checkbox";
  return activeElement instanceof HTMLSelectElement;
}

/**
 * Listens to the keys.
 *
 * @param actions - What they do.
 * @param isBlocked - Whether something is in front of the page that takes no keys.
 */
export function onKeys(actions: KeyActions, isBlocked: () => boolean): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping() || isBlocked()) return;
    const action = actionOf(event.key, actions);
    // On a button, Enter presses it.
    if (action === null || (event.key === "Enter" && event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    action();
  });
}

function actionOf(key: string, actions: KeyActions): (() => void) | null {
  if (/^[0-9]$/.test(key)) return () => actions.regrade(Number(key));
  switch (key) {
    case "j":
    case "ArrowRight":
      return () => actions.move(1);
    case "k":
    case "ArrowLeft":
      return () => actions.move(-1);
    case "ArrowDown":
      return () => actions.moveLines(1);
    case "ArrowUp":
      return () => actions.moveLines(-1);
    case "n":
      return () => actions.turnPage(1);
    case "p":
      return () => actions.turnPage(-1);
    case "a":
      return () => actions.decide("accept");
    case "r":
      return () => actions.decide("reject");
    case "c":
      return () => actions.decide("undecided");
    case "u":
      return actions.undo;
    case "Enter":
      return actions.open;
    case "f":
      return actions.toggleFigures;
    case "/":
      return actions.search;
    case "?":
      return actions.help;
    default:
      return null;
  }
}
