import { existsSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { readEvalResult } from "../evaluation/eval-result.js";
import { readTraining } from "../report/read-training.js";
import { writeRunReport } from "../report/run-report.js";
import type { FoldedLog } from "../run/log/fold.js";
import type { Phase, PhaseContext, PhaseEnd } from "../run/phase.js";
import { resultPath } from "./evaluation-task.js";
import type { ResolvedRunSettings } from "./plan-run.js";

/** Name of the page in a run's folder. */
export const PAGE_FILE = "report.html";

/** Writes the page of a run from what lies in its folder, unless it is there. */
export class PagePhase implements Phase {
  readonly name = "page";
  readonly #directory: string;
  readonly #settings: ResolvedRunSettings;
  readonly #difficulties: readonly (number | null)[];

  /**
   * @param directory - The run's folder.
   * @param difficulties - Of the run's pairs, by row.
   */
  constructor(directory: string, settings: ResolvedRunSettings, difficulties: readonly (number | null)[]) {
    this.#difficulties = difficulties;
    this.#directory = directory;
    this.#settings = settings;
  }

  isOver({ entries }: FoldedLog): Promise<boolean> {
    const isTold = entries.some(({ type }) => type === "page-written");
    return Promise.resolve(isTold && existsSync(join(this.#directory, PAGE_FILE)));
  }

  async advance({ log, tell }: PhaseContext): Promise<PhaseEnd> {
    const path = join(this.#directory, PAGE_FILE);
    if (!existsSync(path)) await this.#write(path, (await log()).entries);
    await tell({ type: "page-written", path });
    return { outcome: "completed", reason: "" };
  }

  async #write(path: string, entries: FoldedLog["entries"]): Promise<void> {
    const settings = this.#settings;
    const nameOf = (stage: number) => settings.stages[stage]?.name ?? `stage ${stage}`;
    const training = await readTraining(this.#directory, settings.id);
    const evaluations = entries.filter((entry) => entry.type === "evaluation-finished");
    await writeRunReport(path, {
      title: `Run ${settings.id}`,
      training,
      difficulties: [...this.#difficulties],
      evaluations: await Promise.all(
        evaluations.map(async ({ stage, benchmark }) => ({
          stage: nameOf(stage),
          result: await readEvalResult(resultPath(this.#directory, benchmark, stage)),
        })),
      ),
      settings: stringify(settings),
    });
  }
}
