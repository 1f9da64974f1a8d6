/**
 * SCPO from TypeScript, with your own policy: `npx tsx examples/train.ts PAIRS.parquet OUT`.
 * The pairs of a finished `npm start` lie in runs/demo/data; the graded file has difficulty and stage.
 */
import { dirname, join, resolve } from "node:path";
import {
  bootEmbedded,
  curriculumPolicy,
  direct,
  readPairs,
  sha256File,
  UserError,
  type RunPlan,
} from "../src/index.js";

const [pairsPath, out] = process.argv.slice(2).map((path) => resolve(path));
if (pairsPath === undefined || out === undefined) {
  console.error("usage: npx tsx examples/train.ts PAIRS.parquet OUT");
  process.exit(2);
}

const trainer = await bootEmbedded({ roots: [dirname(pairsPath), out], logPath: join(out, "trainer.log"), threads: 2 });
try {
  const pairs = await readPairs(pairsPath, { images: false });
  const curriculum = curriculumPolicy({ policy: "staged", stages: 3 });
  const { stages } = curriculum(
    pairs.map(({ difficulty, stage }, pair) => ({ pair, difficulty, stage })),
    { effectiveBatch: 16, seed: 1 },
  );
  const plan: RunPlan = {
    name: "example",
    directory: join(out, "run"),
    model: trainer.description.embeddedModelPath,
    dataset: { path: pairsPath, sha256: await sha256File(pairsPath) },
    seed: 1,
    batchSize: 16,
    gradientAccumulationSteps: 1,
    training: { frozen_prefixes: ["model.vision_tower"] },
    stages: stages.map(({ name, pairs: rows }) => ({
      name,
      pairs: rows,
      learningRate: 2e-4,
      schedule: "cosine",
      warmupSteps: 5,
      reference: "policy",
      losses: [{ name: "scpo", parameters: { anchor: 1 } }],
    })),
  };
  const summary = await direct(trainer, plan, {
    policies: {
      // Decided from the report of every step, while the trainer waits.
      endStage: (report) =>
        (report.accuracies["textual"] ?? 0) === 1 && report.stepInStage > 20 ? "all learnt" : null,
    },
    onEvent: (event) => {
      if (event.type === "step") console.log(event.report.step, event.report.loss.toFixed(3));
      if (event.type === "checkpoint") console.log("saved", event.path);
    },
  });
  console.log(summary.outcome, summary.steps, "steps");
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await trainer.stop();
}
