import { availableParallelism } from "node:os";
import { collect, wholeNumber } from "./option-values.js";
import type { Command } from "commander";
import { chatFlags } from "../chat/chat-model.js";
import { EDITOR, WRITER } from "../pairs/making/endpoint-names.js";
import { addGradingOptions } from "./grading-options.js";
import type { PairsCompleteOptions } from "./pairs-complete-command.js";
import type { PairsFilterOptions } from "./pairs-filter-command.js";
import type { PairsGradeOptions } from "./pairs-grade-command.js";
import type { PairsScoreOptions } from "./pairs-score-command.js";

/**
 * Declares `scpo pairs` and its commands; what they need is loaded when one runs.
 *
 * @param program - The command `scpo`.
 * @param signal - Stops what is under way.
 */
export function addPairsCommands(program: Command, signal: AbortSignal): void {
  const pairs = program.command("pairs").description("make graded contrast pairs from your own data");
  addImport(pairs, signal);
  addCheck(pairs, signal);
  addFilter(pairs, signal);
  addScore(pairs, signal);
  addGrade(pairs, signal);
  addExport(pairs, signal);
  addComplete(pairs, signal);
  addView(pairs, signal);
  addApply(pairs, signal);
}

function addImport(pairs: Command, signal: AbortSignal): void {
  interface ImportFlags {
    from: string;
    out: string;
    images: string[];
    prompt: string;
    dataset?: string;
    dropSystem: boolean;
    ignore: string[];
    map: string[];
    split?: string;
    json: boolean;
  }
  pairs
    .command("import")
    .description("read pairs, or pictures with captions, from another format; scpo pairs formats lists them")
    .argument("<source>", "file or folder")
    .requiredOption("--from <format>", "its format")
    .requiredOption("--out <file>", "pairs file to write; what cannot be read goes to FILE.quarantine.jsonl")
    .option(
      "--images <folder>",
      "folder of the pictures, where rows name files; may be repeated",
      collect,
      [] as string[],
    )
    .option("--prompt <text>", "question for captions that have none", "Describe the image.")
    .option("--dataset <name>", "name in dataset_info.json, where it lists several")
    .option("--drop-system", "leave system messages out instead of refusing their rows", false)
    .option("--ignore <field>", "leave a field of the rows out; may be repeated", collect, [] as string[])
    .option(
      "--map <names>",
      "THEIRS=OURS: a field under the name of the format; may be repeated",
      collect,
      [] as string[],
    )
    .option("--split <name>", "files of a folder that are read, by the split in their names, or all")
    .option("--json", "print the summary as JSON", false)
    .action(async (source: string, options: ImportFlags) => {
      const { pairsImport } = await import("./pairs-import-command.js");
      await pairsImport({ ...options, source, signal });
    });
  pairs
    .command("formats")
    .description("list the formats that pairs are imported from and exported to")
    .option("--json", "print as JSON", false)
    .action(async (options: { json: boolean }) => {
      const { pairsFormats } = await import("./pairs-import-command.js");
      pairsFormats(options);
    });
}

function addCheck(pairs: Command, signal: AbortSignal): void {
  interface CheckFlags {
    against: string[];
    smallestSide: number;
    hashDistance: number;
    context?: number;
    findings?: string;
    strict: boolean;
    json: boolean;
  }
  pairs
    .command("check")
    .description("look for what spoils training: damaged pictures, repeats, leaks, bias; exit status 1 for an error")
    .argument("<file>", "pairs file")
    .option("--against <file>", "Parquet file of an evaluation set; may be repeated", collect, [] as string[])
    .option("--smallest-side <pixels>", "warn about pictures with a shorter side", wholeNumber(1, 1e6), 32)
    .option("--hash-distance <bits>", "bits of 64 in which near-duplicates may differ", wholeNumber(0, 7), 5)
    .option("--context <tokens>", "tokens that the model's context holds, for the column tokens", wholeNumber(1, 1e9))
    .option("--findings <file>", "write every finding about a row to a file of JSON lines; scpo pairs filter reads it")
    .option("--strict", "warnings count as errors", false)
    .option("--json", "print the report as JSON", false)
    .action(async (file: string, options: CheckFlags) => {
      const { pairsCheck } = await import("./pairs-check-command.js");
      await pairsCheck({ ...options, file, signal });
    });
}

function addFilter(pairs: Command, signal: AbortSignal): void {
  pairs
    .command("filter")
    .description(
      "write a pairs file without some pairs: by findings of the check, by kind, by origin, or by any column",
    )
    .argument("<file>", "pairs file")
    .requiredOption("--out <file>", "pairs file to write; OUT.filter.json says what went")
    .option(
      "--drop-finding <names>",
      "rows with these findings of scpo pairs check, or errors, or warnings; with commas",
    )
    .option("--findings <file>", "findings of an earlier scpo pairs check --findings, in place of a check now")
    .option("--drop-kind <names>", "rows of these kinds, with commas")
    .option("--drop-origin <names>", "rows of which a part came about so, such as crop,noise")
    .option("--where <condition>", "keep only rows of which this is true: a condition of DuckDB on the columns")
    .option("--json", "print the counts as JSON", false)
    .action(async (file: string, options: Omit<PairsFilterOptions, "file" | "signal">) => {
      const { pairsFilter } = await import("./pairs-filter-command.js");
      await pairsFilter({ ...options, file, signal });
    });
}

function addScore(pairs: Command, signal: AbortSignal): void {
  const command = pairs
    .command("score")
    .description("measure signals of every pair, by a model, encoders, words and pictures, and grade by them")
    .argument("<file>", "pairs file")
    .requiredOption(
      "--out <file>",
      "pairs file to write; OUT.score.json says how, OUT.signals/ keeps answers of models",
    )
    .option("--model <folder>", "vision-language model: a folder, a name in the hub's local cache, or embedded")
    .option("--reference-model <folder>", "model that it was trained from, for reward_gap")
    .option("--image-encoder <folder>", "CLIP, SigLIP or the like, for image_similarity (default: the model's tower)")
    .option("--patch-encoder <folder>", "DINOv2 or the like, for transport_distance (default: the model's tower)")
    .option("--signals <names>", "what to measure, with commas (default: what costs no further pass of the models)");
  addGradingOptions(command)
    .option("--batch-size <pairs>", "pairs a forward pass of the model", wholeNumber(1, 4096), 16)
    .option("--threads <number>", "threads of torch", wholeNumber(1, 1024), availableParallelism())
    .option("--json", "print the summary as JSON", false)
    .action(async (file: string, options: Omit<PairsScoreOptions, "file" | "signal">) => {
      const { pairsScore } = await import("./pairs-score-command.js");
      await pairsScore({ ...options, file, signal });
    });
}

function addGrade(pairs: Command, signal: AbortSignal): void {
  const command = pairs
    .command("grade")
    .description("give every pair the difficulty and stage that its signals make")
    .argument("<file>", "pairs file with signals")
    .requiredOption("--out <file>", "pairs file to write; OUT.grade.json says how");
  addGradingOptions(command)
    .option("--json", "print the counts as JSON", false)
    .action(async (file: string, options: Omit<PairsGradeOptions, "file" | "signal">) => {
      const { pairsGrade } = await import("./pairs-grade-command.js");
      await pairsGrade({ ...options, file, signal });
    });
}

function addExport(pairs: Command, signal: AbortSignal): void {
  interface ExportFlags {
    to: string;
    out: string;
    skipIncomplete: boolean;
    json: boolean;
  }
  pairs
    .command("export")
    .description("write a pairs file in another format; scpo pairs formats lists them")
    .argument("<file>", "pairs file")
    .requiredOption("--to <format>", "the format")
    .requiredOption("--out <path>", "file or folder to write, as the format has it")
    .option("--skip-incomplete", "leave out pairs whose rejected text is still to be made", false)
    .option("--json", "print the summary as JSON", false)
    .action(async (file: string, options: ExportFlags) => {
      const { pairsExport } = await import("./pairs-export-command.js");
      await pairsExport({ ...options, file, signal });
    });
}

function addComplete(pairs: Command, signal: AbortSignal): void {
  const command = pairs
    .command("complete")
    .description("make what pairs lack: rejected texts with one fact replaced, contrast pictures")
    .argument("<source>", "pairs file")
    .requiredOption("--out <file>", "pairs file to write; what cannot be completed goes to FILE.quarantine.jsonl")
    .option("--seed <number>", "seed of every choice", wholeNumber(0), 1)
    .option("--kinds <names>", "facts that are replaced: object,attribute,count,relation,presence (default: all)")
    .option(
      "--pictures <ways>",
      "contrast pictures by retrieval, crop, mask, noise, command or endpoint, tried in this order; none leaves them to be made",
      "retrieval",
    )
    .option("--band <least,most>", "similarity of a retrieved picture to the row's own", "-1,1")
    .option("--embeddings <file>", "Parquet with id, image_embedding and perhaps rejected_embedding, to retrieve by")
    .option(
      "--edit-command <words>",
      "program that edits a picture, with {in}, {out} and {instruction}; words, or a JSON list of them",
    )
    .option("--edit-cache <folder>", "where edited pictures are kept", "runs/edit-cache")
    .option("--concurrency <number>", "rows under way at a time", wholeNumber(1))
    .option("--json", "print the summary as JSON", false);
  for (const [flags, meaning] of [...chatFlags(WRITER), ...chatFlags(EDITOR)]) command.option(flags, meaning);
  command.action(async (source: string, options: Omit<PairsCompleteOptions, "source" | "signal">) => {
    const { pairsComplete } = await import("./pairs-complete-command.js");
    await pairsComplete({ ...options, source, signal });
  });
}

function addView(pairs: Command, signal: AbortSignal): void {
  interface ViewFlags {
    decisions?: string;
    port: number;
    json: boolean;
  }
  pairs
    .command("view")
    .description("offer a page on this machine to look at pairs and to accept, reject or re-grade them")
    .argument("<file>", "pairs file")
    .option("--decisions <file>", "where decisions are kept (default: FILE.decisions.jsonl)")
    .option("--port <number>", "port on this machine; 0 takes a free one", wholeNumber(0, 65535), 0)
    .option("--json", "print the address as JSON", false)
    .action(async (file: string, options: ViewFlags) => {
      const { pairsView } = await import("./pairs-view-command.js");
      await pairsView({ ...options, file, signal });
    });
}

function addApply(pairs: Command, signal: AbortSignal): void {
  interface ApplyFlags {
    out: string;
    decisions?: string;
    onlyAccepted: boolean;
    ignoreStale: boolean;
    json: boolean;
  }
  pairs
    .command("apply")
    .description("write a pairs file without the pairs that were rejected, and with the stages that they were given")
    .argument("<file>", "pairs file")
    .requiredOption("--out <file>", "pairs file to write")
    .option("--decisions <file>", "what was decided (default: FILE.decisions.jsonl)")
    .option("--only-accepted", "leave out pairs about which nothing was decided", false)
    .option("--ignore-stale", "pass over decisions whose pair is gone or has changed since", false)
    .option("--json", "print the counts as JSON", false)
    .action(async (file: string, options: ApplyFlags) => {
      const { pairsApply } = await import("./pairs-apply-command.js");
      await pairsApply({ ...options, file, signal });
    });
}
