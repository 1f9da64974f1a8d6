import { relative } from "node:path";
import { chatModelFromOptions } from "../chat/chat-model.js";
import { UserError } from "../errors.js";
import { completeFiles, completePairs, type CompleteSummary } from "../pairs/making/complete-pairs.js";
import { EditingCommand } from "../pairs/making/editing-command.js";
import { EditingEndpoint } from "../pairs/making/editing-endpoint.js";
import { Embeddings } from "../pairs/making/embeddings.js";
import { IMAGE_WAYS, type ImageWay } from "../pairs/making/make-image.js";
import { TEXT_CONTRAST_KINDS } from "../pairs/making/make-rejected.js";
import { TextWriter } from "../pairs/making/text-writer.js";
import { WRITER } from "../pairs/making/endpoint-names.js";
import { showProgress } from "../progress/progress.js";
import { listOption } from "./option-values.js";

/** What `scpo pairs complete` was given. */
export interface PairsCompleteOptions {
  readonly source: string;
  readonly out: string;
  readonly seed: number;
  readonly kinds?: string;
  readonly pictures: string;
  readonly band: string;
  readonly embeddings?: string;
  readonly editCommand?: string;
  readonly editCache: string;
  readonly concurrency?: number;
  readonly writerUrl?: string;
  readonly writerModel?: string;
  readonly writerCache?: string;
  readonly writerConcurrency?: string;
  readonly writerSettings?: string;
  readonly editorUrl?: string;
  readonly editorModel?: string;
  readonly editorCache?: string;
  readonly editorConcurrency?: string;
  readonly editorSettings?: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Makes the missing halves of pairs and says what came of it. */
export async function pairsComplete(options: PairsCompleteOptions): Promise<void> {
  const { source, out, seed, signal } = options;
  const { writerUrl: url, writerModel: model, writerCache: cache } = options;
  const { writerConcurrency, writerSettings: settings } = options;
  const kinds = listOption("--kinds", options.kinds ?? "", TEXT_CONTRAST_KINDS, ({ name }) => name);
  const ways = options.pictures === "none" ? [] : listOption("--pictures", options.pictures, IMAGE_WAYS, (way) => way);
  const band = bandOf(options.band);
  const command = commandOf(options, ways);
  const endpoint = endpointOf(options, ways);
  const chat = chatModelFromOptions(
    WRITER,
    { url, model, cache, concurrency: writerConcurrency, settings },
    process.env,
    signal,
  );
  const progress = showProgress();
  let summary: CompleteSummary;
  try {
    const embeddings = options.embeddings === undefined ? undefined : await Embeddings.read(options.embeddings);
    let total = 0;
    summary = await completePairs({
      source,
      out,
      seed,
      ...(kinds.length === 0 ? {} : { kinds }),
      ...(chat === undefined ? {} : { writer: new TextWriter(chat) }),
      ways,
      band,
      embeddings,
      editors: { ...(command === undefined ? {} : { command }), ...(endpoint === undefined ? {} : { endpoint }) },
      concurrency: options.concurrency ?? least(chat?.concurrency, endpoint?.concurrency),
      signal,
      onProgress: (phase, done) => {
        if (phase === "read") total = done;
        if (done % 1000 === 0) progress.update("complete", `pairs ${phase}`, done, total);
      },
    });
  } finally {
    progress.close();
  }
  process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : lines(summary, out));
}

function bandOf(text: string): readonly [number, number] {
  const [least, most, ...more] = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (least !== undefined && most !== undefined && more.length === 0 && least >= -1 && least <= most && most <= 1) {
    return [least, most];
  }
  throw new UserError(`--band is "${text}", expected the least and the greatest similarity, such as 0.3,0.8`);
}

function commandOf(options: PairsCompleteOptions, ways: readonly ImageWay[]): EditingCommand | undefined {
  const { editCommand, editCache: cache, signal } = options;
  if (editCommand === undefined) {
    if (ways.includes("command")) throw new UserError("--pictures holds command; name it with --edit-command");
    return undefined;
  }
  if (!ways.includes("command")) throw new UserError("--edit-command is given; add command to --pictures");
  let words: unknown = editCommand.split(/\s+/).filter((word) => word !== "");
  if (editCommand.trimStart().startsWith("[")) {
    try {
      words = JSON.parse(editCommand);
    } catch {
      words = undefined;
    }
  }
  if (!Array.isArray(words) || words.length === 0 || !words.every((word) => typeof word === "string")) {
    throw new UserError(
      "--edit-command is no JSON list of texts; expected words or a list such as " + '["edit", "{in}", "{out}"]',
    );
  }
  return new EditingCommand({ words, cache, signal });
}

function endpointOf(options: PairsCompleteOptions, ways: readonly ImageWay[]): EditingEndpoint | undefined {
  const { editorUrl: url, editorModel: model, editorCache: cache, editorConcurrency: concurrency, signal } = options;
  const named = { url, model, cache, concurrency, settings: options.editorSettings };
  const endpoint = EditingEndpoint.fromOptions(named, process.env, signal);
  if (endpoint === undefined && ways.includes("endpoint")) {
    throw new UserError("--pictures holds endpoint; name it with --editor-url and --editor-model");
  }
  if (endpoint !== undefined && !ways.includes("endpoint")) {
    throw new UserError("--editor-url is given; add endpoint to --pictures");
  }
  return endpoint;
}

/** The smaller of two limits; undefined where there is none. */
function least(...limits: (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function lines(summary: CompleteSummary, out: string): string {
  const { read, written, quarantined, complete, texts, pictures, reasons, columnsLeftOut } = summary;
  const { quarantine } = completeFiles(out);
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, each) => sum + each, 0);
  const each = (counts: Readonly<Record<string, number>>): string[] =>
    Object.entries(counts).map(([name, count]) => `  ${count} ${name}`);
  const text = [
    `read ${read} pairs = ${written} written to ${relative(process.cwd(), out) || out} + ${quarantined} in quarantine`,
  ];
  if (complete > 0) text.push(`${complete} lacked nothing`);
  if (total(texts) > 0) text.push(`${total(texts)} rejected texts made:`, ...each(texts));
  const made = Object.entries(pictures);
  if (made.length > 0)
    text.push("contrast pictures made, and how many of them rejected is known to be true or false of:");
  for (const [name, counts] of made)
    text.push(`  ${counts.made} ${name}: true of ${counts.true}, false of ${counts.false}`);
  if (columnsLeftOut.length > 0) text.push(`columns not kept: ${columnsLeftOut.join(", ")}`);
  if (quarantined > 0) text.push(`reasons (${relative(process.cwd(), quarantine)}):`, ...each(reasons));
  return `${text.join("\n")}\n`;
}
