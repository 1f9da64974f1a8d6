import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { chair } from "../src/evaluation/chair/chair.js";
import { score } from "../src/evaluation/score.js";

// Scores drawn captions of the length that LLaVA writes (about 84 words) in a process of its own for each size, whole:
// reading, CHAIR, bootstrap intervals. Prints seconds and peak memory.

const IMAGES = 100_000;
const SIZES = [10_000, 100_000];
const LEMMATISERS = ["singular", "wordnet"];

const OBJECTS = (
  "person man woman child;bicycle bike;car taxi;bus;train;truck;boat ship;bench;bird duck;cat kitten;dog puppy;horse;" +
  "sheep lamb;cow;elephant;bear;zebra;giraffe;backpack;umbrella;handbag purse;tie;suitcase;kite;skateboard;surfboard;" +
  "bottle;cup;fork;knife;spoon;bowl;banana;apple;sandwich;orange;carrot;pizza;cake;chair seat;couch sofa;bed;toilet;" +
  "laptop computer;keyboard;oven stove;sink;book;clock;vase;skis ski;snowboard"
)
  .split(";")
  .map((line) => line.split(" "));

const SENTENCES = [
  "The image features a # standing near a # in the middle of a busy street.",
  "There are several #s scattered throughout the scene, some closer to the foreground and others farther back.",
  "A # can be seen on the left side, while another # is placed on the right side of the picture.",
  "In the background, people are skiing, seated on a # or walking past the #, enjoying their day outdoors.",
  "The # doesn't seem to notice the #; it's looking toward the camera with a calm expression.",
  'Overall, the scene captures a lively moment, with the #s and the # adding to the "relaxed" atmosphere.',
];

if (process.argv[2] === "score") await measure(process.argv[3] as string, process.argv[4] as string, process.argv[5]);
else await run();

async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "scpo-bench-"));
  try {
    const random = xoroshiro128plus(1);
    const draw = <Value>(values: readonly Value[]): Value => values[uniformInt(random, 0, values.length - 1)] as Value;
    await writeFile(join(folder, "synonyms.txt"), OBJECTS.map((line) => `${line.join(", ")}\n`).join(""));
    const truth: Record<string, string[]> = {};
    for (let image = 1; image <= IMAGES; image++) {
      truth[image] = [...new Set([1, 2, 3].map(() => draw(OBJECTS)[0] as string))];
    }
    await writeFile(join(folder, "coco2014_ground_truth.json"), JSON.stringify(truth));
    for (const size of SIZES) {
      const file = createWriteStream(join(folder, `${size}.jsonl`));
      for (let image = 1; image <= size; image++) {
        const caption = SENTENCES.map((sentence) => sentence.replace(/#/g, () => draw(draw(OBJECTS)))).join(" ");
        if (!file.write(`${JSON.stringify({ image_id: image, caption })}\n`)) await once(file, "drain");
      }
      file.end();
      await once(file, "finish");
    }
    process.stdout.write("captions  lemmatiser  seconds  CPU seconds  peak memory (MiB)\n");
    for (const lemmatiser of LEMMATISERS) {
      for (const size of SIZES) {
        const script = fileURLToPath(import.meta.url);
        const { stdout } = await promisify(execFile)(process.execPath, [
          ...process.execArgv,
          script,
          "score",
          folder,
          String(size),
          lemmatiser,
        ]);
        process.stdout.write(stdout);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, size: string, lemmatiser = "singular"): Promise<void> {
  const start = performance.now();
  await score({
    benchmark: chair,
    annotations: folder,
    answers: join(folder, `${size}.jsonl`),
    options: { lemmatiser },
  });
  const seconds = (performance.now() - start) / 1000;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const columns = [
    size.padStart(8),
    lemmatiser.padEnd(10),
    seconds.toFixed(1).padStart(7),
    ((userCPUTime + systemCPUTime) / 1e6).toFixed(1).padStart(11),
    (maxRSS / 1024).toFixed(0).padStart(17),
  ];
  process.stdout.write(`${columns.join("  ")}\n`);
}
