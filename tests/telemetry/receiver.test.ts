import { expect } from "chai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Push } from "zeromq";
import { TelemetryBatch } from "../../src/generated/scpo/v1/telemetry.js";
import { readAllJsonl } from "../../src/files/jsonl.js";
import type { TelemetryReceiver } from "../../src/telemetry/receiver.js";
import { openTelemetryReceiver } from "../../src/telemetry/receiver.js";

describe("telemetry receiver", () => {
  let folder: string;
  let path: string;
  let receiver: TelemetryReceiver;
  let sender: Push;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-t-"));
    path = join(folder, "pair-records.jsonl");
    receiver = await openTelemetryReceiver({ endpoint: `ipc://${join(folder, "t.sock")}`, path });
    sender = new Push({ sendTimeout: 1000, linger: 1000 });
    sender.connect(receiver.endpoint);
  });

  afterEach(async () => {
    sender.close();
    await receiver.close(0).catch(() => undefined);
    await rm(folder, { recursive: true });
  });

  async function send(sequence: number, steps: number[], last = false): Promise<void> {
    const records = steps.map((step) => ({ step, stage: 1, pair: step * 10, textualMargin: 0.5 }));
    await sender.send(TelemetryBatch.encode(TelemetryBatch.fromPartial({ sequence, records, last })).finish());
  }

  it("writes every record in order and waits for the final message", async () => {
    for (let step = 0; step < 200; step += 1) await send(step, [step, step]);
    const closing = receiver.close(5000);
    await send(200, [], true);
    expect(await closing).to.deep.equal({ batches: 201, records: 400, gaps: 0, lost: 0, complete: true });
    const lines = await readAllJsonl<{ step: number; pair: number; textualMargin: number }>(path);
    expect(lines.map(({ step }) => step)).to.deep.equal(Array.from({ length: 400 }, (_, n) => Math.floor(n / 2)));
    expect(lines[7]).to.deep.include({ step: 3, stage: 1, pair: 30, textualMargin: 0.5, visualMargin: 0 });
  });

  it("counts gaps and what they lost, at the start too", async () => {
    for (const sequence of [1, 2, 5, 6, 9]) await send(sequence, [sequence]);
    await send(10, [], true);
    expect(await receiver.close(5000)).to.deep.equal({ batches: 6, records: 5, gaps: 3, lost: 5, complete: true });
  });

  it("gives up waiting for a final message that does not come", async () => {
    await send(0, [1]);
    const started = performance.now();
    const totals = await receiver.close(300);
    expect(performance.now() - started).to.be.at.least(250);
    expect(totals).to.deep.equal({ batches: 1, records: 1, gaps: 0, lost: 0, complete: false });
  });
});
