// Generates the contract's code for both languages from proto/: src/generated (ts-proto) and python_bridge/scpo
// (grpcio-tools), with the rules of proto/rules.json; and the names of the losses and their parameters, from Python's
// registry; and the JSON Schema of a training's settings, from Python's dataclasses. `--check` generates into a temporary folder and compares with what is committed.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { writeRules } from "./rules.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ".bin", name);
const python = process.env.SCPO_PYTHON ?? join(root, ".venv", "bin", "python");
const check = process.argv.includes("--check");
const TARGETS = [join("src", "generated"), join("python_bridge", "scpo")];
const TRAINING_SCHEMA = join("schemas", "training.schema.json");

const TS_OPTIONS = [
  "outputServices=nice-grpc",
  "outputServices=generic-definitions",
  "useExactTypes=false",
  "esModuleInterop=true",
  "importSuffix=.js",
  "oneof=unions-value",
  "env=node",
  "forceLong=number",
  "removeEnumPrefix=true",
  "enumsAsLiterals=true",
];

function generate(into) {
  const typescript = join(into, TARGETS[0]);
  const pythonHome = join(into, "python_bridge");
  mkdirSync(typescript, { recursive: true });
  mkdirSync(join(pythonHome, "scpo", "v1"), { recursive: true });
  const template = {
    version: "v2",
    plugins: [{ local: bin("protoc-gen-ts_proto"), out: typescript, opt: TS_OPTIONS }],
  };
  execFileSync(bin("buf"), ["generate", "proto", "--template", JSON.stringify(template)], {
    cwd: root,
    stdio: "inherit",
  });
  writeDescriptors(typescript);
  writeLosses(typescript);
  const protos = readdirSync(join(root, "proto", "scpo", "v1")).map((name) => `scpo/v1/${name}`);
  const out = ["--python_out", "--pyi_out", "--grpc_python_out"].map((flag) => `${flag}=${pythonHome}`);
  execFileSync(python, ["-m", "grpc_tools.protoc", `-I${join(root, "proto")}`, ...out, ...protos], {
    stdio: "inherit",
  });
  for (const folder of ["scpo", join("scpo", "v1")]) {
    writeFileSync(join(pythonHome, folder, "__init__.py"), '"""Generated from proto/. Do not edit."""\n');
  }
  writeRules(root, typescript, join(pythonHome, "scpo", "v1"));
  mkdirSync(join(into, "schemas"), { recursive: true });
  writeFileSync(join(into, TRAINING_SCHEMA), trainingSchema());
}

/** What `training` in run.yaml may say. */
function trainingSchema() {
  const env = { ...process.env, PYTHONPATH: join(root, "python_bridge") };
  return execFileSync(python, ["-W", "ignore", "-m", "scpo_trl.settings", "schema"], { env, encoding: "utf8" });
}

/** What the service's reflection answers from: the contract as protobuf's own descriptors. */
function writeDescriptors(typescript) {
  const image = join(typescript, "descriptors.binpb");
  execFileSync(bin("buf"), ["build", "proto", "--as-file-descriptor-set", "--exclude-source-info", "-o", image], {
    cwd: root,
    stdio: "inherit",
  });
  const text = readFileSync(image).toString("base64");
  rmSync(image);
  writeFileSync(
    join(typescript, "descriptors.ts"),
    `// Generated from proto/. Do not edit.\n\n/** The contract as a serialised google.protobuf.FileDescriptorSet. */\nexport const fileDescriptorSet: Buffer = Buffer.from(\n  "${text}",\n  "base64",\n);\n`,
  );
}

/** What run.yaml may name as an objective, and which of its weights need the rejected text to be true of its picture. */
function writeLosses(typescript) {
  const code = `
import json
from dataclasses import fields
from itertools import combinations
from scpo_trl.errors import UserError
from scpo_trl.losses import get_loss, loss_names

def matched(loss, on):
    """Whether rejected is learnt on rejected_images when of the switches and weights these alone are on."""
    values = {f.name: f.default if f.name.startswith("beta") else float(f.name in on) for f in fields(loss.parameters)}
    try:
        return "ll" in loss.combinations(loss.parameters(**values))
    except UserError:
        return False

def described(name):
    loss = get_loss(name)
    names = [n for n in loss.parameter_names() if not n.startswith("beta")]
    found = []
    for size in range(len(names) + 1):
        for on in combinations(names, size):
            if not any(set(less) <= set(on) for less in found) and matched(loss, on):
                found.append(on)
    return {
        "parameters": loss.parameter_names(),
        "defaults": {f.name: f.default for f in fields(loss.parameters)},
        "matched": found,
    }

print(json.dumps({name: described(name) for name in loss_names()}))`;
  const env = { ...process.env, PYTHONPATH: join(root, "python_bridge") };
  const losses = Object.entries(JSON.parse(execFileSync(python, ["-c", code], { env, encoding: "utf8" })));
  const table = (what, valueOf) =>
    `${what} = {\n${losses.map(([name, loss]) => `  ${JSON.stringify(name)}: ${JSON.stringify(valueOf(loss))},\n`).join("")}};\n`;
  const record = "Readonly<Record<string,";
  writeFileSync(
    join(typescript, "losses.ts"),
    "// Generated from python_bridge/scpo_trl/losses. Do not edit.\n\n/** Parameters of each registered loss, by its name. */\n" +
      table(`export const LOSSES: ${record} readonly string[]>>`, ({ parameters }) => parameters) +
      "\n/** Their defaults. */\n" +
      table(`export const LOSS_DEFAULTS: ${record} Readonly<Record<string, number>>>>`, ({ defaults }) => defaults) +
      "\n/**\n * Weights of each loss that together switch on a term in which rejected is learnt as true of rejected_images.\n */\n" +
      table(`export const MATCHED_TERMS: ${record} readonly (readonly string[])[]>>`, ({ matched }) => matched),
  );
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

const scratch = mkdtempSync(join(tmpdir(), "scpo-generate-"));
try {
  generate(scratch);
  if (!check) cpSync(join(scratch, TRAINING_SCHEMA), join(root, TRAINING_SCHEMA));
  else if (readFileSync(join(scratch, TRAINING_SCHEMA), "utf8") !== readFileSync(join(root, TRAINING_SCHEMA), "utf8")) {
    console.error(`${TRAINING_SCHEMA}: out of date. Run: npm run generate`);
    process.exitCode = 1;
  }
  for (const target of TARGETS) {
    const fresh = join(scratch, target);
    const committed = join(root, target);
    if (!check) {
      rmSync(committed, { recursive: true, force: true });
      cpSync(fresh, committed, { recursive: true });
      continue;
    }
    const stale = [...new Set([...files(fresh), ...files(committed)])].filter((name) => {
      try {
        return !readFileSync(join(fresh, name)).equals(readFileSync(join(committed, name)));
      } catch {
        return true;
      }
    });
    if (stale.length > 0) {
      console.error(`${target}: out of date: ${stale.join(", ")}. Run: npm run generate`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
