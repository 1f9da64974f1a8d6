// Sets up a checkout: Node packages, the virtual environment .venv and the build in dist/. What is up to date is not
// done again, so this is safe and quick to repeat. Plain Node without packages, since it runs before they exist.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const state = join(root, ".setup");
const venv = join(root, ".venv");
const venvPython = join(venv, "bin", "python");
const MINIMUM_PYTHON = [3, 11];
const PYTHON_NAMES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
// A first set-up with a CPU build of torch was measured at 2.2 GB (packages, virtual environment, build and pip's
// temporary files); pip's default on Linux is the CUDA build, about 4 GB more.
const NEEDED_BYTES = process.platform === "linux" ? 7e9 : 3e9;
// A file of the current folder that bears a module's name is not imported; texts are UTF-8 whatever the locale.
const PYTHON = { PYTHONSAFEPATH: "1", PYTHONUTF8: "1" };
const NEEDED = `${NEEDED_BYTES / 1e9} GB`;

class SetupError extends Error {}

function hashFiles(paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(relative(root, path)).update("\0").update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}

function filesUnder(folder, extension) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function isDone(step, key) {
  const stamp = join(state, step);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === key;
}

function markDone(step, key) {
  const stamp = join(state, step);
  writeFileSync(`${stamp}.tmp`, key);
  renameSync(`${stamp}.tmp`, stamp);
}

function explain(what, log) {
  const text = existsSync(log) ? readFileSync(log, "utf8") : "";
  const where = relative(root, log);
  if (/ENOSPC|No space left on device/i.test(text)) {
    return `${what}: no room left on the disk of ${root}. Free about ${NEEDED} and run the command again (log: ${where})`;
  }
  const offline =
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|Failed to establish a new connection|Temporary failure in name resolution|Network is unreachable|NewConnectionError|ProxyError/i;
  if (offline.test(text)) {
    return `${what}: the package registry cannot be reached. Check the network or proxy and run the command again (log: ${where})`;
  }
  if (text.includes("DO NOT MATCH THE HASHES")) {
    return (
      `${what}: the index has another file than the one that was pinned, which is not installed (log: ${where}). Check ` +
      "the index; for a mirror of your own that builds packages itself: SCPO_UNVERIFIED_PACKAGES=1"
    );
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const cause = lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1) ?? "no output";
  return `${what} failed: ${cause.trim().slice(0, 300)} (log: ${where})`;
}

/** Runs a command with its output in a log; a dot of progress every few seconds. */
function run(what, command, args) {
  const log = join(state, `${what.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}.log`);
  const out = openSync(log, "w");
  process.stderr.write(`setup: ${what} ...`);
  const started = Date.now();
  const tick = setInterval(() => process.stderr.write("."), 5000);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", out, out], env: { ...process.env, ...PYTHON } });
    const finish = (error) => {
      clearInterval(tick);
      closeSync(out);
      process.stderr.write(error ? " failed\n" : ` ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
      if (error) reject(error);
      else resolve();
    };
    child.on("error", (error) => finish(new SetupError(`${what}: cannot start ${command}: ${error.message}`)));
    child.on("exit", (code) => finish(code === 0 ? undefined : new SetupError(explain(what, log))));
  });
}

function requireRoom() {
  const { bavail, bsize } = statfsSync(root);
  const free = bavail * bsize;
  if (free < NEEDED_BYTES) {
    throw new SetupError(
      `disk: ${(free / 1e9).toFixed(1)} GB free in ${root}, about ${NEEDED} needed. Free some room and run the command again`,
    );
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`Node ${process.versions.node} found, 20.19 or newer needed: https://nodejs.org`);
  }
}

function pythonVersion(command) {
  try {
    const code = "import sys; print(*sys.version_info[:3])";
    const options = {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20000,
      env: { ...process.env, ...PYTHON },
    };
    return execFileSync(command, ["-c", code], options).trim().split(" ").map(Number);
  } catch {
    return undefined;
  }
}

const isNewEnough = ([major, minor]) =>
  major > MINIMUM_PYTHON[0] || (major === MINIMUM_PYTHON[0] && minor >= MINIMUM_PYTHON[1]);

function findPython() {
  const wanted = process.env.SCPO_BASE_PYTHON;
  const found = (wanted ? [wanted] : PYTHON_NAMES).map((name) => ({ name, version: pythonVersion(name) }));
  const usable = found.find(({ version }) => version !== undefined && isNewEnough(version));
  if (usable) return usable.name;
  const old = found
    .filter(({ version }) => version !== undefined)
    .map(({ name, version }) => `${name} ${version.join(".")}`);
  throw new SetupError(
    `Python ${MINIMUM_PYTHON.join(".")} or newer is needed; found ${old.length > 0 ? old.join(", ") : "none"}. ` +
      `Install it, or name one: SCPO_BASE_PYTHON=/path/to/python3`,
  );
}

async function setUpNodePackages() {
  const key = hashFiles([join(root, "package-lock.json")]) + process.versions.modules;
  if (isDone("node", key) && existsSync(join(root, "node_modules"))) return;
  requireRoom();
  // No package here needs its install script: native parts come as prebuilt binaries inside the packages. Not `npm ci`,
  // which refuses where a mirror lacks a package that is optional and for another platform.
  const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("Node packages", "npm", args);
  markDone("node", key);
}

async function setUpPython() {
  const requirements = join(root, "python_bridge", "requirements.txt");
  const lock = join(root, "python_bridge", "requirements.lock");
  const key = hashFiles([requirements, lock, join(root, "python_bridge", "pyproject.toml")]);
  if (isDone("python", key) && existsSync(venvPython)) return;
  const python = findPython();
  requireRoom();
  if (!existsSync(venvPython) || pythonVersion(venvPython) === undefined) {
    if (existsSync(venv) && !existsSync(join(venv, "pyvenv.cfg"))) {
      throw new SetupError(`.venv: ${venv} is no virtual environment, expected one or nothing: move it elsewhere`);
    }
    rmSync(venv, { recursive: true, force: true });
    await run("virtual environment", python, ["-m", "venv", venv]);
  }
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
  // What is not the file that was pinned is refused. torch comes after: its hash depends on the index and the build, and
  // a list with hashes would have to name the CUDA packages too, which a CPU build does not want.
  if (process.env.SCPO_UNVERIFIED_PACKAGES !== "1") {
    await run("Python packages", venvPython, [...pip, "--no-deps", "--require-hashes", "-r", lock]);
  }
  await run("torch", venvPython, [...pip, "-r", requirements]);
  await run("scpo-trl", venvPython, [...pip, "--no-deps", "--editable", join(root, "python_bridge")]);
  markDone("python", key);
}

async function build() {
  // What runs in a browser knows other names than Node.
  const page = join(root, "src", "review", "page", "tsconfig.json");
  const sources = [
    ...filesUnder(join(root, "src"), ".ts"),
    join(root, "tsconfig.json"),
    page,
    join(root, "package-lock.json"),
  ];
  const key = hashFiles(sources);
  if (isDone("build", key) && existsSync(join(root, "dist"))) return;
  rmSync(join(root, "dist"), { recursive: true, force: true });
  await run("build", join(root, "node_modules", ".bin", "tsc"), ["-p", root]);
  await run("build of the page", join(root, "node_modules", ".bin", "tsc"), ["-p", page]);
  markDone("build", key);
}

try {
  requireNode();
  mkdirSync(state, { recursive: true });
  await setUpNodePackages();
  await setUpPython();
  await build();
} catch (error) {
  if (error instanceof SetupError) console.error(`setup: ${error.message}`);
  else if (error?.code === "ENOSPC")
    console.error(`setup: no room left on the disk of ${root}. Free about ${NEEDED} and run the command again`);
  else throw error;
  process.exitCode = 1;
}
