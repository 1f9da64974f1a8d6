import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../package-root.js";
import type { FindEvaluationProblems } from "../run-file/evaluation-problems.js";
import type { FieldPath } from "../run-file/position.js";
import type { LocatedProblem } from "../run-file/problems.js";
import type { FromProbe, ToProbe } from "./evaluation-probe-process.js";
import { draining, exhausted } from "./faults.js";
import type { ServiceLimits } from "./limits.js";
import type { Owner } from "./tokens.js";

const ENTRY = join(PACKAGE_ROOT, "dist", "service", "evaluation-probe-process.js");
/** Of all owners together; others wait. */
const mostAtOnce = 2;
/** Calls of one owner that wait for their turn. */
const mostWaiting = 50;

/**
 * Looks at what clients' evaluations need, each in a process of its own with a limit of time and memory: annotations may be
 * of any size, and the service answers others meanwhile. An owner has one at a time.
 */
export class EvaluationProbe {
  readonly #limits: Pick<ServiceLimits, "evaluationSeconds" | "evaluationMebibytes">;
  readonly #waiting: { readonly owner: Owner; readonly begin: () => void }[] = [];
  /** By owner. */
  readonly #running = new Map<Owner, ChildProcess | null>();
  #isClosed = false;

  constructor(limits: Pick<ServiceLimits, "evaluationSeconds" | "evaluationMebibytes">) {
    this.#limits = limits;
  }

  /**
   * What looks at an owner's evaluation.
   *
   * @returns A function that throws RichServerError RESOURCE_EXHAUSTED when too many of the owner's calls wait.
   */
  of(owner: Owner): FindEvaluationProblems {
    return async (settings, wanted) => {
      if (settings.scenes === undefined && settings.benchmarks.length === 0) return [];
      await this.#turn(owner);
      try {
        return await this.#find(owner, { settings, wanted: [...wanted] });
      } finally {
        this.#running.delete(owner);
        this.#beginNext();
      }
    };
  }

  /** Ends what is under way, and begins no more. */
  close(): void {
    this.#isClosed = true;
    for (const child of this.#running.values()) child?.kill("SIGKILL");
    for (const { begin } of this.#waiting.splice(0)) begin();
  }

  async #turn(owner: Owner): Promise<void> {
    const own = this.#waiting.filter((waiting) => waiting.owner === owner).length;
    if (own >= mostWaiting) {
      throw exhausted(
        "EVALUATIONS",
        `${own} calls with an evaluation wait, expected at most ${mostWaiting}; call again`,
      );
    }
    await new Promise<void>((begin) => {
      this.#waiting.push({ owner, begin });
      this.#beginNext();
    });
  }

  #beginNext(): void {
    if (this.#running.size >= mostAtOnce) return;
    const at = this.#waiting.findIndex(({ owner }) => !this.#running.has(owner));
    const [next] = at === -1 ? [] : this.#waiting.splice(at, 1);
    if (next === undefined) return;
    this.#running.set(next.owner, null);
    next.begin();
  }

  #find(owner: Owner, request: ToProbe): Promise<LocatedProblem[]> {
    if (this.#isClosed) throw draining();
    const { evaluationSeconds: seconds, evaluationMebibytes: mebibytes } = this.#limits;
    const child = fork(ENTRY, [String(mebibytes)], {
      execArgv: [`--max-old-space-size=${mebibytes}`],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#running.set(owner, child);
    return new Promise<LocatedProblem[]>((resolve, reject) => {
      let path: FieldPath = ["evaluation"];
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        child.kill("SIGKILL");
      }, seconds * 1000);
      child.on("message", (message: FromProbe) => {
        if (message.type === "field") path = message.path;
        else if (message.type === "problems") resolve(message.problems);
        else reject(new Error(message.stack));
      });
      child.once("error", reject);
      child.once("exit", () => {
        clearTimeout(timer);
        if (this.#isClosed) reject(draining());
        const found = isLate ? `more than ${seconds} s` : `more than ${mebibytes} MiB of memory`;
        const description = `files take ${found} to be looked at, expected those of a benchmark: name others`;
        resolve([{ path, isName: false, description }]);
      });
      child.send(request, (error) => error !== null && reject(error));
    });
  }
}
