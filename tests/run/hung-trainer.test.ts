import { expect } from "chai";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { backendSettings } from "../../src/backend/settings.js";
import { findPython } from "../../src/backend/python.js";
import { execute } from "../../src/run/execute.js";
import type { RunEvent } from "../../src/run/log/entries.js";
import { chaosDefinition } from "../fixtures/chaos-scenarios.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

/** Seconds after which silence counts as a hang here. */
const seconds = 20;

/** The trainer as it is, but for a step that never ends while a flag lies there, once. */
const hanging = (flag: string) => `
import os, runpy, sys, time
from transformers import Trainer

step = Trainer.training_step

def training_step(self, *args, **kwargs):
    if self.state.global_step == 4 and os.path.exists(${JSON.stringify(flag)}):
        os.remove(${JSON.stringify(flag)})
        time.sleep(3600)
    return step(self, *args, **kwargs)

Trainer.training_step = training_step
runpy.run_module("scpo_trl.service", run_name="__main__", alter_sys=True)
`;

describe("a trainer that hangs", function () {
  this.timeout(240_000);
  let world: TinyWorld;

  before(async () => {
    world = await tinyWorld();
  });

  it("is noticed though its connection stands, named, and replaced", async () => {
    const folder = join(world.folder, "hung");
    await mkdir(folder, { recursive: true });
    const [flag, script, python] = [join(folder, "flag"), join(folder, "hanging.py"), join(folder, "python")];
    await writeFile(script, hanging(flag));
    await writeFile(python, `#!/bin/sh\nshift 2\nexec "${findPython()}" "${script}" "$@"\n`);
    await chmod(python, 0o755);
    const backend = backendSettings.parse({ kind: "launched", python });
    const restarts = { limit: 1, firstDelaySeconds: 0, silenceMinutes: seconds / 60 };
    const run = async (name: string, onEvent: (event: RunEvent) => void) => {
      const directory = join(world.folder, "runs", name);
      const definition = { ...chaosDefinition(world, "moving", directory), backend, restarts };
      return (await execute(definition, { telemetry: false, onEvent })).result();
    };

    await writeFile(flag, "");
    const exits: string[] = [];
    const hung = await run("hung", (event) => event.type === "trainer-exited" && exits.push(event.reason));
    expect(existsSync(flag)).to.equal(false);
    expect(exits).to.have.length(1);
    expect(exits[0]).to.match(/^The Python trainer hung: nothing came within 20 s during Train/);
    // To the end that it would have had.
    const straight = await run("straight", () => undefined);
    expect(hung).to.include({ outcome: "completed", steps: straight.steps });
    const weights = ({ checkpoints }: typeof hung) => checkpoints.map(({ weightsSha256 }) => weightsSha256);
    expect(weights(hung)).to.deep.equal(weights(straight));
  });
});
