// The rooms of both languages and which may import which stand once, in scripts/rooms.json. This writes the picture of
// them in docs/architecture.md; `--check` fails where the picture is out of date, where a file imports against an arrow
// or in a circle (dependency-cruiser for TypeScript, import-linter for Python), and where no import needs an arrow.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise } from "dependency-cruiser";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const python = process.env.SCPO_PYTHON ?? join(root, ".venv", "bin", "python");
const STATEMENT = "scripts/rooms.json";
const PAGE = "docs/architecture.md";
const { typescript, python: pythonRooms } = JSON.parse(readFileSync(join(root, STATEMENT), "utf8"));

const oneOf = (names) => `(${names.join("|")})`;
/** Files that lie in src itself: the door, and what every room may import. */
const OF_NO_ROOM = "^src/[^/]+\\.ts$";
const DOOR = "^src/index\\.ts$";
const EFFECTS = "^(node:)?(fs|fs/promises|child_process|net|http|https|http2|tls|dgram|dns|os|worker_threads)$";

function typescriptRules() {
  const rules = [
    { name: "no circle of files", from: {}, to: { circular: true } },
    { name: "files of no room import no room", from: { path: OF_NO_ROOM, pathNot: DOOR }, to: { path: "^src/[^/]+/" } },
    { name: "nothing imports the door", from: {}, to: { path: DOOR } },
  ];
  for (const [room, { imports, pure }] of Object.entries(typescript)) {
    const from = { path: `^src/${room}/` };
    const allowed = [`^src/${oneOf([room, ...imports])}/`, OF_NO_ROOM];
    rules.push({
      name: `${room} may import only ${imports.join(", ") || "what is of no room"}`,
      from,
      to: { path: "^src/", pathNot: allowed },
    });
    if (pure) {
      const unclean = Object.keys(typescript).filter((other) => !typescript[other].pure && other !== "generated");
      rules.push({ name: `${room} is pure: no input or output`, from, to: { path: EFFECTS } });
      rules.push({ name: `${room} is pure, and so is what it imports`, from, to: { path: `^src/${oneOf(unclean)}/` } });
    }
  }
  return rules.map((rule) => ({ ...rule, severity: "error" }));
}

/** What is wrong, a line each. */
async function typescriptProblems() {
  const options = {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: typescriptRules() },
    // Imports of types are imports too.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  };
  const { output } = await cruise(["src"], options);
  const problems = output.summary.violations.map(({ from, to, rule, cycle }) =>
    cycle
      ? `${from}: imports itself through ${cycle.map(({ name }) => name).join(", ")}`
      : `${from}: imports ${to}, but ${rule.name}`,
  );
  const roomOf = (path) => /^src\/([^/]+)\//.exec(path)?.[1];
  const arrows = output.modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => `${roomOf(source)} -> ${roomOf(resolved)}`),
  );
  const found = readdirSync(join(root, "src"), { withFileTypes: true });
  const folders = found.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return [...problems, ...idleArrows(typescript, arrows), ...unstated("src", folders, Object.keys(typescript))];
}

const modulesOf = (room) => pythonRooms[room].modules ?? [room];

function pythonConfiguration() {
  const list = (names) => names.map((name) => `\n    ${name}`).join("");
  const modules = (rooms) => rooms.flatMap(modulesOf).map((module) => `scpo_trl.${module}`);
  const names = Object.keys(pythonRooms);
  const contracts = [["no circle of modules or rooms", { type: "acyclic_siblings", ancestors: "scpo_trl" }]];
  contracts.push([
    "modules of no room import no room",
    { type: "forbidden", source_modules: list(ofNoRoom()), forbidden_modules: list(modules(names)) },
  ]);
  for (const [room, { imports, without }] of Object.entries(pythonRooms)) {
    const forbidden = names.filter((other) => other !== room && !imports.includes(other));
    const common = { type: "forbidden", source_modules: list(modules([room])) };
    contracts.push([
      `${room} may import only ${imports.join(", ") || "what is of no room"}`,
      { ...common, forbidden_modules: list(modules(forbidden)), allow_indirect_imports: "True" },
    ]);
    if (without)
      contracts.push([`${room} is without ${without.join(", ")}`, { ...common, forbidden_modules: list(without) }]);
  }
  const sections = contracts.map(([name, fields], at) => {
    const lines = Object.entries({ name, ...fields }).map(([field, value]) => `${field} = ${value}`);
    return `[importlinter:contract:${at}]\n${lines.join("\n")}\n`;
  });
  return `[importlinter]\nroot_package = scpo_trl\ninclude_external_packages = True\n\n${sections.join("\n")}`;
}

function pythonProblems() {
  const scratch = mkdtempSync(join(tmpdir(), "scpo-rooms-"));
  try {
    const configuration = join(scratch, "importlinter.ini");
    writeFileSync(configuration, pythonConfiguration());
    const env = { ...process.env, PYTHONPATH: join(root, "python_bridge"), NO_COLOR: "1" };
    const code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()";
    const args = ["-c", code, "--no-cache", "--no-logo", configuration];
    const { status, stdout, stderr } = spawnSync(python, args, { cwd: scratch, env, encoding: "utf8" });
    const problems = status === 0 ? [] : [`import-linter: ${stdout}${stderr}`.trim()];
    return [...problems, ...idleArrows(pythonRooms, pythonArrows(env)), ...unstatedModules()];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Modules that lie in scpo_trl itself and belong to no room: what every room may import. */
function ofNoRoom() {
  const stated = Object.keys(pythonRooms).flatMap(modulesOf);
  return readdirSync(join(root, "python_bridge", "scpo_trl"))
    .filter((name) => name.endsWith(".py") && name !== "__init__.py" && !stated.includes(name.slice(0, -3)))
    .map((name) => `scpo_trl.${name.slice(0, -3)}`);
}

function pythonArrows(env) {
  const code =
    "import grimp, json; graph = grimp.build_graph('scpo_trl', cache_dir=None); " +
    "print(json.dumps([[a, b] for a in graph.modules for b in graph.find_modules_directly_imported_by(a)]))";
  const edges = JSON.parse(execFileSync(python, ["-c", code], { env, encoding: "utf8" }));
  const rooms = Object.keys(pythonRooms);
  const roomOf = (module) => rooms.find((room) => modulesOf(room).includes(module.split(".")[1]));
  return edges.map(([from, to]) => `${roomOf(from)} -> ${roomOf(to)}`);
}

function unstatedModules() {
  const folder = join(root, "python_bridge", "scpo_trl");
  const packages = readdirSync(folder).filter((name) => existsSync(join(folder, name, "__init__.py")));
  // Holds configuration files of accelerate and no code.
  const rooms = packages.filter((name) => name !== "accelerate_configs");
  return unstated("python_bridge/scpo_trl", rooms, Object.keys(pythonRooms));
}

function unstated(folder, found, stated) {
  return found
    .filter((name) => !stated.includes(name))
    .map((name) => `${folder}/${name}: a room that ${STATEMENT} does not name`);
}

function idleArrows(rooms, arrows) {
  const drawn = new Set(arrows);
  return Object.entries(rooms).flatMap(([room, { imports }]) =>
    imports
      .filter((other) => !drawn.has(`${room} -> ${other}`))
      .map((other) => `${STATEMENT}: ${room} may import ${other}, but no file does: take the arrow out`),
  );
}

/** Rooms by floor: a room stands above all that it may import. */
function floors(rooms) {
  const height = (room) => Math.max(0, ...rooms[room].imports.map((other) => height(other) + 1));
  const byFloor = [];
  for (const room of Object.keys(rooms)) (byFloor[height(room)] ??= []).push(room);
  return byFloor.reverse();
}

function picture(rooms) {
  const rows = Object.entries(rooms).map(
    ([room, { holds, pure, imports }]) =>
      `| \`${room}\` | ${holds}${pure ? " (pure)" : ""} | ${imports.join(", ") || "-"} |`,
  );
  const lines = floors(rooms).map((floor) => `  ${floor.join("   ")}`);
  return ["```", lines.join("\n"), "```", "", "| room | holds | may import |", "|---|---|---|", ...rows].join("\n");
}

function withPictures(page) {
  return Object.entries({ typescript, python: pythonRooms }).reduce((text, [language, rooms]) => {
    const [begin, end] = ["begin", "end"].map((side) => `<!-- rooms of ${language}: ${side} (npm run generate) -->`);
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from === -1 || to < from)
      throw new Error(`${PAGE}: has no place for the rooms of ${language}: ${begin} ... ${end}`);
    return `${text.slice(0, from)}${begin}\n\n${picture(rooms)}\n\n${text.slice(to)}`;
  }, page);
}

const page = readFileSync(join(root, PAGE), "utf8");
const fresh = withPictures(page);
if (!process.argv.includes("--check")) {
  writeFileSync(join(root, PAGE), fresh);
} else {
  const problems = [...(await typescriptProblems()), ...pythonProblems()];
  if (fresh !== page) problems.push(`${PAGE}: the picture of the rooms is out of date. Run: npm run generate`);
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    process.exitCode = 1;
  }
}
