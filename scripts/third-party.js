// Makes THIRD_PARTY.md, the list of what the two packages use at run time with licences, and a CycloneDX bill of
// materials for each in sbom/. With --check it compares the list with the lock files instead, without the network; with
// --bills FOLDER it writes the bills alone, into FOLDER.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const list = join(root, "THIRD_PARTY.md");
const read = (...path) => readFileSync(join(root, ...path), "utf8");

/** Packages of package-lock.json that are not for development alone. */
function nodePackages() {
  const { packages } = JSON.parse(read("package-lock.json"));
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path, { name, version, license }]) => ({
      name: name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      licence: license ?? olderLicence(path),
    }));
}

/** The licence of a package that does not name it where it belongs: in an older field, or in its LICENSE alone. */
function olderLicence(path) {
  const { licenses } = JSON.parse(read(path, "package.json"));
  return licenses?.[0]?.type ?? (/^The MIT License/.test(read(path, "LICENSE")) ? "MIT" : "");
}

/** Packages that requirements.txt pins, with what their installed metadata say. */
function pythonPackages() {
  const pinned = read("python_bridge", "requirements.txt").matchAll(/^([^#=\s]+)==(\S+)$/gm);
  const code = `import importlib.metadata, json, sys
def licence(name):
    about = importlib.metadata.metadata(name)
    named = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    text = about.get("License-Expression") or ", ".join(named) or (about.get("License") or "").strip()
    return text.splitlines()[0][:100] if text else ""
print(json.dumps({name: licence(name) for name in json.load(sys.stdin)}))`;
  const packages = [...pinned].map(([, name, version]) => ({ name, version }));
  const licences = JSON.parse(
    execFileSync(join(root, ".venv", "bin", "python"), ["-c", code], {
      input: JSON.stringify(packages.map(({ name }) => name)),
      encoding: "utf8",
    }),
  );
  return packages.map(({ name, version }) => ({ name, version, licence: licences[name] }));
}

function table(packages) {
  const unknown = packages.filter(({ licence }) => licence === "");
  if (unknown.length > 0) throw new Error(`no licence found of ${unknown.map(({ name }) => name).join(", ")}`);
  const rows = packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`);
  return ["| package | version | licence |", "|---|---|---|", ...new Set(rows.sort())].join("\n");
}

function text() {
  return `# Third-party software

Made by \`npm run third-party\` from package-lock.json, python_bridge/requirements.txt and the metadata of the packages. None
of it is copied into this repository; it is installed beside it. Licences are as the packages state them.

## scpo (npm)

${table(nodePackages())}

## scpo-trl (Python)

Some are for tests and formatting alone. A CUDA build of torch brings NVIDIA's packages under their own licences.

${table(pythonPackages())}
`;
}

/** CycloneDX of the Node package, from package-lock.json. */
function nodeBill() {
  const args = ["sbom", "--package-lock-only", "--omit", "dev", "--sbom-format", "cyclonedx"];
  const bill = JSON.parse(execFileSync("npm", args, { cwd: root, maxBuffer: 2 ** 26, encoding: "utf8" }));
  // npm takes the name of the folder.
  bill.metadata.component.name = JSON.parse(read("package.json")).name;
  return bill;
}

/** CycloneDX of the Python package, from the pinned list; the hashes are those of requirements.lock. */
function pythonBill() {
  const hashes = new Map();
  let current;
  for (const line of read("python_bridge", "requirements.lock").split("\n")) {
    current = /^([^#=\s]+)==/.exec(line)?.[1] ?? current;
    const hash = /sha256:([0-9a-f]{64})/.exec(line)?.[1];
    if (hash !== undefined) hashes.set(current, [...(hashes.get(current) ?? []), hash]);
  }
  const version = /^version = "(.+)"$/m.exec(read("python_bridge", "pyproject.toml"))[1];
  const normal = (name) => name.toLowerCase().replaceAll("_", "-");
  const reference = (name, number) => `pkg:pypi/${normal(name)}@${number}`;
  const own = reference("scpo-trl", version);
  const components = pythonPackages().map(({ name, version: number, licence }) => ({
    type: "library",
    "bom-ref": reference(name, number),
    name,
    version: number,
    purl: reference(name, number),
    licenses: [{ license: { name: licence } }],
    // A release is several files, one for each platform; a component's own hashes would be those of one.
    externalReferences: (hashes.get(normal(name)) ?? []).map((content) => ({
      type: "distribution",
      url: `https://pypi.org/project/${name}/${number}/`,
      hashes: [{ alg: "SHA-256", content }],
    })),
  }));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "library",
        "bom-ref": own,
        name: "scpo-trl",
        version,
        purl: own,
        licenses: [{ license: { id: "Apache-2.0" } }],
      },
    },
    components,
  };
}

function writeBills(folder) {
  mkdirSync(folder, { recursive: true });
  const write = (name, bill) => writeFileSync(join(folder, name), `${JSON.stringify(bill, null, 2)}\n`);
  write("scpo.cdx.json", nodeBill());
  write("scpo-trl.cdx.json", pythonBill());
}

if (process.argv.includes("--check")) {
  if (read("THIRD_PARTY.md") !== text()) {
    console.error("THIRD_PARTY.md is not what the lock files give: run npm run third-party and commit it");
    process.exitCode = 1;
  }
} else if (process.argv.includes("--bills")) {
  writeBills(process.argv[process.argv.indexOf("--bills") + 1]);
} else {
  writeFileSync(list, text());
  writeBills(join(root, "sbom"));
}
