import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { gradePairsFile } from "../src/difficulty/grade-pairs-file.js";
import { exportPairs } from "../src/pairs/export/export-pairs.js";
import { exporterNamed } from "../src/pairs/export/registry.js";
import { importPairs } from "../src/pairs/import/import-pairs.js";
import { importerNamed } from "../src/pairs/import/registry.js";
import { type Column, writeTable } from "../src/pairs/table.js";

// Imports TRL rows with two small pictures and four ready signals each, grades them and exports them to TRL again, every
// step in a process of its own. Prints rows a second and peak memory. `npm run bench:pairs -- 10000` for one size.

const SIZES = [10_000, 100_000, 1_000_000];
const PICTURES = 256;
const SIDE = 24;
const SIGNALS = ["entropy", "image_similarity", "transport_distance", "word_proximity"];

const COLUMNS: readonly Column[] = [
  { name: "images", kind: "images" },
  { name: "rejected_images", kind: "images" },
  ...["prompt", "chosen", "rejected"].map((name) => ({ name, kind: "string" as const })),
  ...SIGNALS.map((name) => ({ name, kind: "double" as const })),
];

const [, , step, folder, size] = process.argv;
if (step !== undefined && folder !== undefined) await measure(step, folder, Number(size));
else await run(step === undefined ? SIZES : [Number(step)]);

async function run(sizes: readonly number[]): Promise<void> {
  for (const rows of sizes) {
    const place = await mkdtemp(join(tmpdir(), "scpo-bench-"));
    try {
      for (const name of ["make", "import", "grade", "export"]) await child(name, place, rows);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }
}

function child(name: string, place: string, rows: number): Promise<void> {
  const args = ["--import", "tsx", fileURLToPath(import.meta.url), name, place, String(rows)];
  const made = spawn(process.execPath, args, { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    made.on("error", reject);
    made.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`${name} ended with status ${code}`))));
  });
}

async function measure(name: string, place: string, count: number): Promise<void> {
  const [source, pairs, graded, out] = ["source", "pairs", "graded", "out"].map((file) =>
    join(place, `${file}.parquet`),
  );
  const started = performance.now();
  if (name === "make") await make(source as string, count);
  if (name === "import") {
    const settings = { imageFolders: [place], prompt: "", dropSystem: false, ignore: [] };
    await importPairs({ importer: importerNamed("trl"), source: source as string, out: pairs as string, settings });
  }
  if (name === "grade") await gradePairsFile({ pairs: pairs as string, out: graded as string });
  if (name === "export") {
    const exporter = exporterNamed("trl");
    await exportPairs({ exporter, pairs: graded as string, out: out as string, skipIncomplete: false });
  }
  if (name === "make") return;
  const seconds = (performance.now() - started) / 1000;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  const bytes = (await stat({ import: pairs, grade: graded, export: out }[name] as string)).size;
  const figures = [
    `${String(count).padStart(9)} rows`,
    name.padEnd(6),
    `${seconds.toFixed(1).padStart(7)} s`,
    `${Math.round(count / seconds)
      .toLocaleString("en")
      .padStart(8)} rows/s`,
    `${Math.round(megabytes).toLocaleString("en").padStart(6)} MB peak`,
    `${(bytes / 1e6).toFixed(0).padStart(6)} MB file`,
  ];
  process.stdout.write(`${figures.join("  ")}\n`);
}

async function make(path: string, count: number): Promise<void> {
  const pictures = await Promise.all(
    Array.from({ length: PICTURES }, async (_, at) => {
      const noise = { type: "gaussian" as const, mean: at, sigma: 30 };
      const background = { r: at, g: 90, b: 30 };
      const image = sharp({ create: { width: SIDE, height: SIDE, channels: 3, background, noise } });
      return new Uint8Array(await image.png().toBuffer());
    }),
  );
  function* rows(): Generator<Record<string, never>> {
    for (let at = 0; at < count; at++) {
      yield {
        images: [pictures[at % PICTURES]],
        rejected_images: [pictures[(at * 7 + 1) % PICTURES]],
        prompt: "Describe the picture.",
        chosen: `A dog beside thing ${at}.`,
        rejected: `A cat beside thing ${at}.`,
        // Golden-ratio steps: spread evenly, and the same in every run.
        ...Object.fromEntries(SIGNALS.map((name, signal) => [name, (at * 0.618033988749895 + signal * 0.3) % 1])),
      } as unknown as Record<string, never>;
    }
  }
  await writeTable(path, COLUMNS, rows());
}
