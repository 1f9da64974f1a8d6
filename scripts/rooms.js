// The rooms of both languages and which may import which stand once, in scripts/rooms.json. This writes the picture of
// them in docs/architecture.md; `--check` fails where the picture is out of date, where a file imports against an arrow
// or in a circle (dependency-cruiser for TypeScript, import-linter for Python), where no import needs an arrow, and where
// the page's walk through the code names a file that is not there.
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
const {
  typescript,
  python: pythonHomes,
  "python by name": byName,
} = JSON.parse(readFileSync(join(root, STATEMENT), "utf8"));

const mayImport = (room, imports) => `${room} may import only ${imports.join(", ") || "what is of no room"}`;
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
    // An import may be a file of the room around, as `run/plan` is for `run/log`.
    const allowed = [`^src/${oneOf([room, ...imports])}(/|\\.ts$)`, OF_NO_ROOM];
    rules.push({
      name: mayImport(room, imports),
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
  const rooms = Object.keys(typescript);
  const named = new Set([...rooms, ...rooms.flatMap((room) => typescript[room].imports)]);
  const namesOf = (path) => [...named].filter((name) => new RegExp(`^src/${name}(/|\\.ts$)`).test(path));
  const arrows = output.modules.flatMap(({ source, dependencies }) =>
    dependencies.flatMap(({ resolved }) =>
      namesOf(source).flatMap((from) => namesOf(resolved).map((to) => `${from} -> ${to}`)),
    ),
  );
  const found = readdirSync(join(root, "src"), { withFileTypes: true });
  const folders = found.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return [...problems, ...idleArrows(typescript, arrows), ...unstated("src", folders, rooms)];
}

/** Modules and packages of a room, as Python names them. */
const modulesOf = (home, room) => (pythonHomes[home][room].modules ?? [room]).map((module) => `${home}.${module}`);
const folderOf = (home) => `python_bridge/${home.replaceAll(".", "/")}`;

function pythonConfiguration() {
  const list = (names) => names.map((name) => `\n    ${name}`).join("");
  const contracts = [["no circle of modules or rooms", { type: "acyclic_siblings", ancestors: "scpo_trl" }]];
  for (const [home, rooms] of Object.entries(pythonHomes)) {
    const names = Object.keys(rooms);
    const modules = (some) => list(some.flatMap((room) => modulesOf(home, room)));
    const direct = { type: "forbidden", allow_indirect_imports: "True" };
    const free = ofNoRoom(home);
    if (free.length > 0) {
      const fields = { ...direct, source_modules: list(free), forbidden_modules: modules(names) };
      contracts.push([`modules of no room in ${home} import no room`, fields]);
    }
    for (const [room, { imports, without }] of Object.entries(rooms)) {
      const source_modules = modules([room]);
      const forbidden_modules = modules(names.filter((other) => other !== room && !imports.includes(other)));
      contracts.push([`${home}: ${mayImport(room, imports)}`, { ...direct, source_modules, forbidden_modules }]);
      if (without) {
        const fields = { type: "forbidden", source_modules, forbidden_modules: list(without) };
        contracts.push([`${home}: ${room} is without ${without.join(", ")}`, fields]);
      }
    }
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
    const imports = pythonImports(env);
    const ofHomes = Object.entries(pythonHomes).flatMap(([home, rooms]) => [
      ...idleArrows(rooms, arrowsOf(home, imports)),
      ...unstated(folderOf(home), packagesOf(home), Object.keys(rooms)),
    ]);
    return [...problems, ...ofHomes];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Imports by name, which import-linter does not see: those of other rooms are stated one by one. */
function problemsByName() {
  const modules = /"(scpo_trl\.\w+\.[\w.]+)"/g;
  const folder = join(root, "python_bridge");
  const files = readdirSync(join(folder, "scpo_trl"), { recursive: true })
    .map((name) => `scpo_trl/${name}`)
    .filter((name) => name.endsWith(".py") && name !== "scpo_trl/__init__.py");
  const found = files.flatMap((file) => {
    const text = readFileSync(join(folder, file), "utf8");
    if (!/\bimport_module\b/.test(text)) return [];
    return [...text.matchAll(modules)].map(([, module]) => `${file}: imports ${module} by its name`);
  });
  const stated = Object.entries(byName).map(([file, module]) => `${file}: imports ${module} by its name`);
  return [
    ...found.filter((each) => !stated.includes(each)).map((each) => `${each}, but ${STATEMENT} does not say so`),
    ...stated.filter((each) => !found.includes(each)).map((each) => `${STATEMENT}: ${each}, but it does not`),
  ];
}

/** Files of the walk through the code that are not there, or named twice. */
function walkProblems(page) {
  const [, walk = ""] = page.split(/^## The walk.*$/m);
  const [table] = walk.split(/^## /m);
  const problems = [];
  const seen = new Set();
  let where;
  for (const line of table.split("\n").filter((each) => each.startsWith("| "))) {
    where = /^\| `([^`]+)` \|/.exec(line)?.[1] ?? where;
    for (const [, name] of line.matchAll(/`([\w/-]+\.(?:ts|py))`/g)) {
      const path = `${where?.startsWith("scpo_trl") ? "python_bridge/" : ""}${where}/${name}`;
      if (!existsSync(join(root, path))) problems.push(`${PAGE}: the walk names ${path}, which is not there`);
      if (seen.has(path)) problems.push(`${PAGE}: the walk names ${path} twice`);
      seen.add(path);
    }
  }
  return seen.size > 0 ? problems : [`${PAGE}: found no walk that names files`];
}

/** Modules that lie in a package itself and belong to no room: what every room may import. */
function ofNoRoom(home) {
  const stated = Object.keys(pythonHomes[home]).flatMap((room) => modulesOf(home, room));
  return readdirSync(join(root, folderOf(home)))
    .filter((name) => name.endsWith(".py") && name !== "__init__.py")
    .map((name) => `${home}.${name.slice(0, -3)}`)
    .filter((module) => !stated.includes(module));
}

/** Every import between modules, as pairs of their names. */
function pythonImports(env) {
  const code =
    "import grimp, json; graph = grimp.build_graph('scpo_trl', cache_dir=None); " +
    "print(json.dumps([[a, b] for a in graph.modules for b in graph.find_modules_directly_imported_by(a)]))";
  return JSON.parse(execFileSync(python, ["-c", code], { env, encoding: "utf8" }));
}

function arrowsOf(home, imports) {
  const isOf = (module) => (room) =>
    modulesOf(home, room).some((own) => module === own || module.startsWith(`${own}.`));
  const roomOf = (module) => Object.keys(pythonHomes[home]).find(isOf(module));
  return imports.map(([from, to]) => `${roomOf(from)} -> ${roomOf(to)}`);
}

function packagesOf(home) {
  const folder = join(root, folderOf(home));
  const packages = readdirSync(folder).filter((name) => existsSync(join(folder, name, "__init__.py")));
  // Holds configuration files of accelerate and no code.
  return packages.filter((name) => name !== "accelerate_configs");
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
  const height = (room) =>
    Math.max(0, ...rooms[room].imports.filter((other) => other in rooms).map((other) => height(other) + 1));
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
  return Object.entries({ src: typescript, ...pythonHomes }).reduce((text, [home, rooms]) => {
    const [begin, end] = ["begin", "end"].map((side) => `<!-- rooms of ${home}: ${side} (npm run generate) -->`);
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from === -1 || to < from)
      throw new Error(`${PAGE}: has no place for the rooms of ${home}: ${begin} ... ${end}`);
    return `${text.slice(0, from)}${begin}\n\n${picture(rooms)}\n\n${text.slice(to)}`;
  }, page);
}

const page = readFileSync(join(root, PAGE), "utf8");
const fresh = withPictures(page);
if (!process.argv.includes("--check")) {
  writeFileSync(join(root, PAGE), fresh);
} else {
  const problems = [...(await typescriptProblems()), ...pythonProblems(), ...problemsByName(), ...walkProblems(page)];
  if (fresh !== page) problems.push(`${PAGE}: the picture of the rooms is out of date. Run: npm run generate`);
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    process.exitCode = 1;
  }
}
