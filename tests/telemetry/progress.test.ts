import { expect } from "chai";
import { PassThrough } from "node:stream";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import type { RunEvent } from "../../src/run/events.js";
import { showProgress } from "../../src/telemetry/progress.js";

const opened = {
  type: "stage-opened",
  stage: 0,
  name: "easy",
  steps: 100,
  reference: "policy",
  tableSeconds: 1,
} as const;
const started: RunEvent = {
  type: "started",
  name: "demo",
  stages: [{ name: "easy", steps: 100 }],
  trainableParameters: 1,
};
const step = (number: number): RunEvent => ({
  type: "step",
  report: StepReport.fromPartial({ step: number, loss: 2.5 }),
});

function terminal(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { stream: Object.assign(stream, { isTTY, columns: 80 }) as unknown as NodeJS.WriteStream, text: () => text };
}

describe("progress", () => {
  it("away from a terminal tells stages and a step every five seconds at most", () => {
    const { stream, text } = terminal(false);
    let clock = 0;
    const progress = showProgress(stream, () => clock);
    progress.onEvent(started);
    progress.onEvent(opened);
    for (let number = 1; number <= 100; number += 1) {
      clock += 100;
      progress.onEvent(step(number));
    }
    progress.onEvent({ type: "ended", outcome: "completed", reason: "", steps: 100, seconds: 10 });
    progress.stop();
    expect(text().trimEnd().split("\n")).to.deep.equal([
      "demo: easy (100 steps)",
      'stage 0 "easy": 100 steps, reference: policy',
      "step 50/100, loss 2.5000",
      "step 100/100, loss 2.5000",
      "completed after 100 steps in 10.0 s",
    ]);
  });

  it("on a terminal draws a bar up to the last step and ends with a line break", () => {
    const { stream, text } = terminal(true);
    const progress = showProgress(stream);
    progress.onEvent(started);
    progress.onEvent(opened);
    progress.onEvent(step(60));
    progress.onEvent({ type: "ended", outcome: "completed", reason: "", steps: 100, seconds: 10 });
    progress.stop();
    expect(text()).to.contain("100/100 easy completed");
    expect(text().endsWith("\n")).to.equal(true);
  });
});
