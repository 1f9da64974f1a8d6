import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readToken } from "../src/backend/credentials.js";
import { backendSettings, isLocalAddress } from "../src/backend/settings.js";
import { PACKAGE_ROOT } from "../src/package-root.js";
import { planProblems } from "../src/run/plan-problems.js";
import type { RunPlan } from "../src/run/plan.js";
import { checkRunSettings } from "../src/run-file/read.js";
import { checkListen } from "../src/backend/listen.js";
import { checkpointIdsOf, runIdOf, runIdProblem } from "../src/service/resource-names.js";
import { Tokens } from "../src/service/tokens.js";

interface Rule {
  readonly accepted: readonly unknown[];
  readonly refused: readonly unknown[];
}

const table = JSON.parse(readFileSync(join(PACKAGE_ROOT, "proto", "rules.json"), "utf8")) as Record<
  "patterns" | "ranges",
  Record<string, Rule>
>;
const rules: Record<string, Rule> = { ...table.patterns, ...table.ranges };

const folder = mkdtempSync(join(tmpdir(), "rules-"));
const pairs = join(folder, "pairs.parquet");
writeFileSync(pairs, "");
const tls = { certificate: "server.pem", key: "server.key", clientAuthority: "authority.pem" };

const settings = (given: object): unknown =>
  checkRunSettings({
    id: "rules",
    model: "embedded",
    data: { pairs },
    training: { learning_rate: 1e-4 },
    ...given,
  });

const refuseProblems = (plan: Partial<RunPlan>, field: string) => {
  const found = planProblems({ ...emptyPlan, ...plan }).filter((problem) => problem.field === field);
  if (found[0] !== undefined) throw new Error(found[0].description);
};

const emptyPlan: RunPlan = {
  name: "rules",
  directory: "/run",
  model: "/model",
  dataset: { path: "/pairs.parquet", sha256: "0".repeat(64) },
  seed: 1,
  batchSize: 1,
  gradientAccumulationSteps: 1,
  training: {},
  stages: [],
};

/** Every place of TypeScript that holds a value to a rule; it throws, or not. */
const places: Readonly<Record<string, Readonly<Record<string, (value: never) => unknown>>>> = {
  run_id: {
    "run.yaml": (id: string) => settings({ id }),
    "the name of a resource": (id: string) => runIdOf(`runs/${id}`),
    CreateRun: (id: string) => {
      const problem = runIdProblem(id, "run_id");
      if (problem !== null) throw new Error(problem.description);
    },
  },
  checkpoint_name: { "the name of a resource": (name: string) => checkpointIdsOf(`runs/a/checkpoints/${name}`) },
  sha256: {
    "run.yaml": (sha256: string) => settings({ data: { pairs, sha256 } }),
    "a plan": (sha256: string) => refuseProblems({ dataset: { path: "/pairs.parquet", sha256 } }, "dataset.sha256"),
  },
  token: {
    "the service's token file": (token: string) => {
      const path = join(folder, "tokens");
      rmSync(path, { force: true });
      writeFileSync(path, `${token}\n`, { mode: 0o600 });
      return Tokens.read(path);
    },
    "a remote trainer's token": (token: string) =>
      readToken(backendSettings.parse({ kind: "remote", address: "127.0.0.1:1", token: { variable: "T" } }) as never, {
        T: token,
      }),
  },
  tcp_address: {
    backend: (address: string) => backendSettings.parse({ kind: "remote", address, tls: {} }),
    "--listen": (listen: string) => checkListen({ listen, tokens: true, tls }),
  },
  loopback_host: {
    backend: (host: string) => {
      if (!isLocalAddress(`${host}:1`)) throw new Error("not local");
    },
    "--listen": (host: string) =>
      checkListen({ listen: `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:1`, tokens: false }),
  },
  learning_rate: {
    "run.yaml": (rate: number) => settings({ training: { learning_rate: rate } }),
    "a stage of run.yaml": (rate: number) => settings({ stages: [{ learning_rate: rate }] }),
  },
};

describe("rules of both languages", () => {
  after(() => rmSync(folder, { recursive: true }));

  it("are all held somewhere", () => {
    expect(Object.keys(places).sort()).to.deep.equal(Object.keys(rules).sort());
  });

  for (const [name, held] of Object.entries(places)) {
    for (const [place, hold] of Object.entries(held)) {
      it(`${name}: ${place}`, async () => {
        const accepts = (value: unknown) =>
          Promise.resolve()
            .then(() => hold(value as never))
            .then(
              () => true,
              () => false,
            );
        for (const value of rules[name]?.accepted ?? [])
          expect(await accepts(value), JSON.stringify(value)).to.equal(true);
        for (const value of rules[name]?.refused ?? [])
          expect(await accepts(value), JSON.stringify(value)).to.equal(false);
      });
    }
  }
});
