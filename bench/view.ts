import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, type Page } from "puppeteer-core";
import sharp from "sharp";
import type { PairRow } from "../src/pairs/pair-row.js";
import { writePairRows } from "../src/pairs/pair-rows.js";
import type { Filter, Selection, Sort } from "../src/review/wire.js";

// Opens `scpo pairs view` on a file of 100,000 graded pairs with two pictures of about 10 kB each and measures what a
// reviewer waits for, first as questions over HTTP, then in headless Chromium where there is one (CHROMIUM_PATH).
// `npm run bench:view -- 10000` for another size.

const ROWS = Number(process.argv[2] ?? 100_000);
const PICTURES = 128;
const SIDE = 150;
const PAGE = 24;
const REPEATS = 40;
const KINDS = ["object", "presence", "count", "position", "attribute"];
const EVERYTHING: Filter = { text: "", kinds: [], stages: [], verdicts: [], truths: [], ranges: [], incomplete: false };
/** Whether the browser shows every picture of the page. */
const PICTURES_SHOWN = `[...document.querySelectorAll("#gallery img")].every((image) => image.complete && image.naturalWidth > 0)`;
const IN_ORDER: Sort = { column: null, descending: false };

const folder = await mkdtemp(join(tmpdir(), "scpo-bench-view-"));
let service: ChildProcess | undefined;
try {
  const pairs = join(folder, "pairs.parquet");
  await make(pairs);
  const size = (await stat(pairs)).size;
  const started = performance.now();
  service = spawn(process.execPath, ["bin/scpo.js", "pairs", "view", pairs, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(service.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const { address } = JSON.parse(said.toString()) as { address: string };
  line(`${ROWS.toLocaleString("en")} pairs, ${(size / 1e9).toFixed(2)} GB: opened`, [performance.now() - started]);
  await overHttp(address);
  await inBrowser(address);
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, "utf8"))?.[1];
  process.stdout.write(`peak memory of the service: ${Math.round(Number(peak) / 1024)} MB\n`);
} finally {
  service?.kill("SIGINT");
  if (service !== undefined && service.exitCode === null) await once(service, "exit");
  await rm(folder, { recursive: true, force: true });
}

async function overHttp(address: string): Promise<void> {
  const ask = async <Answer>(question: string): Promise<Answer> => {
    const response = await fetch(`${address}api/${question}`);
    if (!response.ok) throw new Error(`${question}: ${response.status} ${await response.text()}`);
    return (response.headers.get("content-type") ?? "").includes("json")
      ? ((await response.json()) as Answer)
      : ((await response.arrayBuffer()) as Answer);
  };
  const select = async (filter: Filter, sort: Sort = IN_ORDER): Promise<Selection> => {
    const query = new URLSearchParams({ filter: JSON.stringify(filter), sort: JSON.stringify(sort) });
    const selection = await ask<Selection>(`selection?${query.toString()}`);
    await ask(`cards?key=${selection.key}&from=0&count=${PAGE}`);
    return selection;
  };
  const filters: [string, (at: number) => [Filter, Sort]][] = [
    [
      "filter by kind and stage",
      (at) => [{ ...EVERYTHING, kinds: [KINDS[at % 5] ?? null], stages: [at % 3] }, IN_ORDER],
    ],
    ["filter by text", (at) => [{ ...EVERYTHING, text: `thing ${at}` }, IN_ORDER]],
    [
      "filter by a signal, ordered by another",
      (at) => [
        { ...EVERYTHING, ranges: [{ column: "entropy", low: at / 50, high: null }] },
        { column: "image_similarity", descending: true },
      ],
    ],
  ];
  for (const [name, of] of filters) line(name, await timed(REPEATS, (at) => select(...of(at))));
  const everything = await select(EVERYTHING);
  const scattered = await select(EVERYTHING, { column: "entropy", descending: false });
  const far = (at: number): number => Math.floor(((at * 0.618 + 0.5) % 1) * (ROWS - PAGE));
  line(
    "cards of a page anywhere",
    await timed(REPEATS, (at) => ask(`cards?key=${everything.key}&from=${far(at)}&count=${PAGE}`)),
  );
  for (const [name, { key }] of [
    ["48 pictures of a page in the file's order", everything],
    ["48 pictures of a page ordered by a signal", scattered],
  ] as const) {
    const pages = await Promise.all(
      Array.from({ length: REPEATS }, (_, at) =>
        ask<{ row: number }[]>(`cards?key=${key}&from=${far(at + 0.37)}&count=${PAGE}`),
      ),
    );
    line(
      name,
      await timed(REPEATS, (at) =>
        Promise.all(
          (pages[at] ?? []).flatMap(({ row }) =>
            ["images", "rejected_images"].map((side) => ask(`pictures/${row}/${side}`)),
          ),
        ),
      ),
    );
  }
  line("one picture", await timed(REPEATS, (at) => ask(`pictures/${far(at + 0.71)}/images`)));
  line("a whole record", await timed(REPEATS, (at) => ask(`pairs/${far(at + 0.13)}`)));
  const stage = (at: number): string =>
    new URLSearchParams({ filter: JSON.stringify({ ...EVERYTHING, stages: [at % 3] }) }).toString();
  line("distributions", await timed(10, (at) => ask(`figures?${stage(at)}`)));
  line("relation of two signals", await timed(10, (at) => ask(`relation?x=entropy&y=image_similarity&${stage(at)}`)));
  line("all rank correlations", await timed(5, (at) => ask(`correlations?${stage(at)}`)));
  let row = 0;
  line(
    "a decision, on the disk",
    await timed(REPEATS, () =>
      fetch(`${address}api/decisions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ row: row++, verdict: "accept", stage: null }),
      }),
    ),
  );
}

async function inBrowser(address: string): Promise<void> {
  const executablePath = [process.env["CHROMIUM_PATH"], "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
    (path) => path !== undefined && existsSync(path),
  );
  if (executablePath === undefined) return void process.stdout.write("no Chromium found: name one by CHROMIUM_PATH\n");
  const browser = await launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1366, height: 860 });
    line("browser: page opened, pictures shown", await timed(1, () => page.goto(address).then(() => ready(page, "0"))));
    let first = 0;
    line("browser: next page, pictures shown", await timed(REPEATS, () => press(page, "n", String((first += PAGE)))));
    const count = Math.ceil(ROWS / PAGE);
    line(
      "browser: page far down, pictures shown",
      await timed(REPEATS, async (at) => {
        const number = 100 + ((at * 97) % (count - 200));
        await page.evaluate(
          `{ const page = document.querySelector("#page"); page.value = "${number}"; page.dispatchEvent(new Event("change")); }`,
        );
        await ready(page, String((number - 1) * PAGE));
      }),
    );
    line(
      "browser: filter changed, pictures shown",
      await timed(10, async (at) => {
        await page.evaluate(
          `document.querySelector("#filters input[data-field=kinds][value='\\"${KINDS[at % 5]}\\"']").click()`,
        );
        await page.waitForFunction(
          `!document.querySelector("[aria-busy]") && document.querySelectorAll("#filters input:checked").length === ${at < 5 ? at + 1 : 9 - at} && ${PICTURES_SHOWN}`,
          { polling: 5 },
        );
      }),
    );
  } finally {
    await browser.close();
  }
}

async function press(page: Page, key: "n", row: string): Promise<void> {
  await page.keyboard.press(key);
  await ready(page, row);
}

/** Waits until the page begins with a row and all its pictures are there. */
async function ready(page: Page, row: string): Promise<void> {
  await page.waitForFunction(
    `document.querySelector(".card")?.dataset.row === "${row}" && document.querySelectorAll("#gallery img").length > 0 && ${PICTURES_SHOWN}`,
    { polling: 5 },
  );
}

async function timed(repeats: number, work: (at: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < repeats; at++) {
    const started = performance.now();
    await work(at);
    times.push(performance.now() - started);
  }
  return times;
}

function line(name: string, times: number[]): void {
  times.sort((one, other) => one - other);
  const at = (share: number): string => `${Math.round(times[Math.ceil(share * times.length) - 1] ?? 0)} ms`;
  const figures = times.length === 1 ? at(1) : `p50 ${at(0.5)}, p95 ${at(0.95)}`;
  process.stdout.write(`${name.padEnd(46)} ${figures}\n`);
}

async function make(path: string): Promise<void> {
  const pictures = await Promise.all(
    Array.from({ length: PICTURES }, async (_, at) => {
      const noise = { type: "gaussian" as const, mean: at, sigma: 30 };
      const background = { r: at, g: 90, b: 30 };
      const image = sharp({ create: { width: SIDE, height: SIDE, channels: 3, background, noise } });
      return new Uint8Array(await image.jpeg({ quality: 90 }).toBuffer());
    }),
  );
  const nothing = { captions: null, annotations: null, chosenOrigin: null, rejectedImagesOrigin: null };
  function* rows(): Generator<PairRow> {
    for (let row = 0; row < ROWS; row++) {
      // Golden-ratio steps: spread evenly, and the same in every run.
      const spread = (signal: number): number => (row * 0.618033988749895 + signal * 0.3) % 1;
      yield {
        ...nothing,
        id: `pair-${row}`,
        images: [pictures[row % PICTURES] as Uint8Array],
        rejectedImages: [pictures[(row * 7 + 1) % PICTURES] as Uint8Array],
        prompt: "Describe the picture.",
        chosen: `A dog beside thing ${row} on a table in a room with a window.`,
        rejected: `A cat beside thing ${row} on a table in a room with a window.`,
        kind: KINDS[row % KINDS.length] as string,
        detail: "near",
        chosenWord: "dog",
        rejectedWord: "cat",
        objects: ["dog"],
        rejectedObjects: ["cat"],
        rejectedTrue: null,
        rejectedTrueBy: null,
        extra: null,
        imagesOrigin: "bench",
        rejectedOrigin: null,
        source: null,
        signals: {
          entropy: spread(0),
          image_similarity: spread(1) * spread(0),
          transport_distance: spread(2),
          word_proximity: Math.round(spread(3) * 20) / 20,
          edit_distance: spread(4),
          image_difference: spread(5) ** 2,
        },
        difficulty: row / ROWS,
        stage: Math.floor((row * 3) / ROWS),
      };
    }
  }
  await writePairRows(path, rows());
}
