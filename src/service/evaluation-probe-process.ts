/** A process that looks at what one evaluation needs; it ends itself beyond its memory, its parent ends it in time. */
import { evaluationProblems } from "../run-file/evaluation-problems.js";
import type { FieldPath } from "../run-file/position.js";
import type { LocatedProblem } from "../run-file/problems.js";
import type { NamedRunSettings } from "../run-file/read.js";

/** What is to be looked at. */
export interface ToProbe {
  readonly settings: NamedRunSettings["evaluation"];
  readonly wanted: readonly string[];
}

/** What is looked at now, what was found, or a failure of the program. */
export type FromProbe =
  | { readonly type: "field"; readonly path: FieldPath }
  | { readonly type: "problems"; readonly problems: LocatedProblem[] }
  | { readonly type: "failed"; readonly stack: string };

const memoryCheckMilliseconds = 50;

function tell(message: FromProbe): void {
  if (process.connected) process.send?.(message);
}

// What libraries take outside of the engine's heap counts too.
const most = process.memoryUsage.rss() + Number(process.argv[2]) * 2 ** 20;
setInterval(() => {
  if (process.memoryUsage.rss() > most) process.exit(1);
}, memoryCheckMilliseconds).unref();
process.on("disconnect", () => process.exit(1));
process.once("message", ({ settings, wanted }: ToProbe) => {
  evaluationProblems(settings, new Set(wanted), (path) => tell({ type: "field", path }))
    .then(
      (problems) => tell({ type: "problems", problems }),
      (error: unknown) => tell({ type: "failed", stack: error instanceof Error ? String(error.stack) : String(error) }),
    )
    .finally(() => process.disconnect());
});
