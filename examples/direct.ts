/**
 * Directs a training that somebody else starts, with a policy of your own: `npx tsx examples/direct.ts ADDRESS RUNS`,
 * and, before or after it, `python examples/directed_trl.py OUT ADDRESS`. An address is 127.0.0.1:50053 or
 * unix:///absolute/path. The training brings model and pairs; what it learns when, and from which reference, is said here.
 */
import { startRun, UserError, type RunPolicies } from "../src/index.js";

const [address, runs] = process.argv.slice(2);
if (address === undefined || runs === undefined) {
  console.error("usage: npx tsx examples/direct.ts ADDRESS RUNS");
  process.exit(2);
}

/** Nats a sequence. */
const FAR = 0.01;

// The reference follows softly while the policy moves away from it, and hard once all pairs of a step are told apart.
const judging: RunPolicies = {
  keepReferenceWeights: true,
  decide: ({ klReference, accuracies }, { lastOfStage }) => {
    if (lastOfStage || klReference <= FAR) return null;
    const isTold = accuracies["textual"] === 1 && accuracies["visual"] === 1;
    const reason = `drift ${klReference.toFixed(3)}, ${isTold ? "all told apart" : "still learning"}`;
    return { moveReferenceAlpha: isTold ? 1 : 0.5, reason };
  },
};

try {
  const run = await startRun(
    {
      id: "judged",
      training: { loss_type: "scpo", loss_parameters: { anchor: 1 }, learning_rate: 1e-3, warmup_steps: 0 },
      curriculum: { policy: "staged", epochs: 2 },
      checkpoints: { every_steps: 4 },
    },
    { runs, listen: { listen: address }, policies: judging, log: (line) => console.log(line) },
  );
  for await (const { event } of run.events({ after: 0 })) {
    if (event.type === "step") console.log(event.report.step, event.report.loss.toFixed(3));
    if (event.type === "reference-moved") console.log("reference moved by", event.alpha);
  }
  const { outcome, steps } = await run.result();
  console.log(outcome, steps, "steps");
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
