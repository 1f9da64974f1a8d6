// Makes python_bridge/requirements.lock: the hashes of every file of each release that requirements.txt pins. Needs uv
// (pip install uv) and the network; tests/supply-chain.test.ts says when it must be run again.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bridge = join(dirname(dirname(fileURLToPath(import.meta.url))), "python_bridge");
const HEAD = `# Made by \`npm run lock-python\` from requirements.txt: every file that the index has of each pinned release, for all
# platforms. torch is left out: its builds (CPU, CUDA) come from several indexes and need other packages each.
`;

const pinned = readFileSync(join(bridge, "requirements.txt"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith("torch=="));
const args = ["pip", "compile", "--quiet", "--no-deps", "--generate-hashes", "--universal", "--python-version", "3.11"];
try {
  const lock = execFileSync("uv", [...args, "--no-annotate", "--no-header", "-"], {
    input: `${pinned.join("\n")}\n`,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
  writeFileSync(join(bridge, "requirements.lock"), HEAD + lock);
} catch (error) {
  console.error(error.code === "ENOENT" ? "lock-python: uv is missing: pip install uv" : "lock-python: uv failed");
  process.exitCode = 1;
}
