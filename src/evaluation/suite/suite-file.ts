import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { decodeUtf8, unreadable } from "../../files/text-file.js";
import { ASKING, type Benchmark, requireOptions } from "../benchmark.js";
import { benchmarkNamed } from "../registry.js";

const NAME = z.string().regex(/^[\w.-]+$/, "expected letters, digits, points, dashes or underscores");
const COUNT = z.int().positive();

const MODEL = z.union(
  [
    z.strictObject({ name: NAME, model: z.string().min(1) }),
    z.strictObject({
      name: NAME,
      endpoint_url: z.string().min(1),
      endpoint_model: z.string().min(1),
      endpoint_settings: z.record(z.string(), z.unknown()).optional(),
      endpoint_concurrency: COUNT.optional(),
    }),
  ],
  { error: "expected name and model, or name, endpoint_url and endpoint_model (letters, digits, . _ - in a name)" },
);

const BENCHMARK = z.strictObject({
  benchmark: z.string(),
  name: NAME.optional(),
  annotations: z.string().min(1),
  images: z.string().min(1).optional(),
  mode: z.enum(["strict", "fixed"]).optional(),
  options: z.record(z.string(), z.coerce.string()).default({}),
  max_new_tokens: COUNT.optional(),
  batch_size: COUNT.optional(),
  sample: COUNT.optional(),
  image_list: z.string().min(1).optional(),
  prompt_suffix: z.string().optional(),
  metrics: z.array(z.string()).min(1).optional(),
});

const SUITE = z.strictObject({
  out: z.string().min(1),
  models: z.array(MODEL).min(1),
  benchmarks: z.array(BENCHMARK).min(1),
});

/** A model of a suite: of this machine, or behind an endpoint. */
export type SuiteModel = z.infer<typeof MODEL>;

/** A benchmark of a suite; paths are whole. */
export interface SuiteBenchmark {
  /** What its files and columns are called. */
  name: string;
  benchmark: Benchmark;
  annotations: string;
  images: string | undefined;
  mode: "strict" | "fixed";
  options: Readonly<Record<string, string>>;
  maxNewTokens: number;
  batchSize: number;
  sample: number | undefined;
  imageList: string | undefined;
  promptSuffix: string | undefined;
  /** Columns of the table; the benchmark's first where undefined. */
  metrics: readonly string[] | undefined;
}

/** Models to be compared on benchmarks. */
export interface Suite {
  /** Folder of answers, results and tables. */
  out: string;
  models: readonly SuiteModel[];
  benchmarks: readonly SuiteBenchmark[];
}

/**
 * Reads a suite; its paths are meant from its own folder.
 *
 * @param path - The YAML file.
 * @throws UserError naming the field that is wrong.
 */
export async function readSuite(path: string): Promise<Suite> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  let content: unknown;
  try {
    content = parse(decodeUtf8(bytes, path));
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${path}: is not YAML (${(cause as Error).message.split("\n", 1)[0]}); mend it`);
  }
  const parsed = SUITE.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UserError(
      `${path}: field ${issue?.path.join(".") || "(whole file)"}: ${issue?.message}; see scpo eval suite --help`,
    );
  }
  const whole = (text: string): string => resolve(dirname(path), text);
  const benchmarks = parsed.data.benchmarks.map((given, at): SuiteBenchmark => {
    const field = `${path}: field benchmarks.${at}`;
    const benchmark = within(field, () => benchmarkNamed(given.benchmark));
    within(field, () => requireOptions(benchmark, given.options));
    if (benchmark.judged) {
      throw new UserError(
        `${field}.benchmark: ${benchmark.name} needs a judge, which a suite has not; score it with scpo eval score`,
      );
    }
    const asking = benchmark.asking ?? ASKING;
    return {
      name: given.name ?? benchmark.name,
      benchmark,
      annotations: whole(given.annotations),
      images: given.images === undefined ? undefined : whole(given.images),
      mode: given.mode ?? benchmark.defaultMode,
      options: given.options,
      maxNewTokens: given.max_new_tokens ?? asking.maxNewTokens,
      batchSize: given.batch_size ?? asking.batchSize,
      sample: given.sample,
      imageList: given.image_list === undefined ? undefined : whole(given.image_list),
      promptSuffix: given.prompt_suffix,
      metrics: given.metrics,
    };
  });
  for (const [field, names] of [
    ["models", parsed.data.models.map(({ name }) => name)],
    ["benchmarks", benchmarks.map(({ name }) => name)],
  ] as const) {
    const twice = names.findIndex((name, at) => names.indexOf(name) < at);
    if (twice >= 0)
      throw new UserError(
        `${path}: field ${field}.${twice}.name: ${shown(names[twice])} stands twice; give each a name`,
      );
  }
  return { out: whole(parsed.data.out), models: parsed.data.models, benchmarks };
}

function within<Value>(field: string, act: () => Value): Value {
  try {
    return act();
  } catch (cause) {
    throw cause instanceof UserError ? new UserError(`${field}: ${cause.message}`) : cause;
  }
}
