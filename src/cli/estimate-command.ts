import { readEnvironment } from "../backend/environment.js";
import { processesOf } from "../backend/processes.js";
import { findPython } from "../backend/python.js";
import { UserError } from "../errors.js";
import { type Card, CARDS } from "../estimate/cards.js";
import { estimate } from "../estimate/estimate.js";
import { estimateText } from "../estimate/estimate-text.js";
import { planRun } from "../run-file/plan-run.js";
import { readRunFile } from "../run-file/read.js";
import { requireTraining } from "../run-file/training-problems.js";

/** What `scpo estimate` was told. */
export interface EstimateFlags {
  readonly gpu?: string;
  /** Gibibytes. */
  readonly memory?: number;
  /** Teraflops. */
  readonly flops?: number;
  readonly pricePerHour?: number;
  readonly efficiency: number;
  readonly shards: number;
  readonly changes: boolean;
  readonly json: boolean;
}

/** `scpo estimate`: says what a run takes; the exit status is 1 if it does not fit. Nothing is written. */
export async function estimateCommand(path: string, flags: EstimateFlags): Promise<void> {
  const read = await readRunFile(path);
  await requireTraining(read);
  const { backend } = read.settings;
  const python = backend.kind === "remote" || backend.kind === "dialled" ? undefined : backend.python;
  const { plan } = await planRun(read.settings, "");
  const own = await processesOf(backend);
  const processes = Math.max(own, flags.shards);
  const card = await cardOf(flags, python);
  const found = await estimate({
    plan: { ...plan, batchSize: (plan.batchSize / own) * processes },
    processes,
    shards: flags.shards,
    efficiency: flags.efficiency,
    always: flags.changes,
    ...(card === undefined ? {} : { card }),
    ...(python === undefined ? {} : { python }),
    ...(flags.pricePerHour === undefined ? {} : { pricePerHour: flags.pricePerHour }),
  });
  process.stdout.write(flags.json ? `${JSON.stringify(found, null, 2)}\n` : estimateText(found, flags.efficiency));
  if (found.fits === false) process.exitCode = 1;
}

/** The card that was named, what was said of one, or the first of this machine. */
async function cardOf({ gpu, memory, flops }: EstimateFlags, python: string | undefined): Promise<Card | undefined> {
  const named = gpu === undefined ? undefined : CARDS[gpu.toLowerCase()];
  if (gpu !== undefined && named === undefined) {
    throw new UserError(
      `--gpu: found ${gpu}, expected one of ${Object.keys(CARDS).join(", ")}, or --memory and --flops`,
    );
  }
  const said = {
    ...(memory === undefined ? {} : { memory: memory * 2 ** 30 }),
    ...(flops === undefined ? {} : { flops: { bfloat16: flops * 1e12, float32: flops * 1e12 } }),
  };
  if (named !== undefined) return { ...named, ...said };
  if (said.memory !== undefined && said.flops !== undefined) {
    return { name: "GPU", memory: said.memory, flops: said.flops };
  }
  if (memory !== undefined || flops !== undefined) {
    throw new UserError("--memory and --flops: found one of them, expected both, or a --gpu that has the other");
  }
  const environment = await readEnvironment(findPython(python)).catch(() => undefined);
  const [device] = environment?.devices ?? [];
  if (device === undefined) return undefined;
  const known = Object.values(CARDS).find(({ name }) => name.split(" ").every((word) => device.name.includes(word)));
  if (known !== undefined) return { ...known, name: device.name, memory: device.total_bytes };
  throw new UserError(`this machine has a ${device.name}, whose speed is not known here: name --memory and --flops`);
}
