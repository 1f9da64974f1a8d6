import { expect } from "chai";
import { parquetWriteBuffer } from "hyparquet-writer";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import { benchmarkNamed } from "../../src/evaluation/registry.js";
import { score, type ScoreRequest } from "../../src/evaluation/score.js";
import { complaintOf } from "../fixtures/rejection.js";
import { TINY_BENCHMARKS, writeTinyBenchmark } from "../fixtures/tiny-benchmarks.js";

/** A question with the answer that a model gave. */
interface Told extends Prompt {
  at: number;
  said: string;
}

const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

describe("answers in the layouts of public tools", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-layouts-"));
    for (const name of ["chair", "amber", "amber-discriminative", "pope", "mme"]) {
      await writeTinyBenchmark(join(folder, name), TINY_BENCHMARKS[name] ?? { files: {} });
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const SAID: Readonly<Record<string, readonly string[]>> = {
    chair: ["A dog and a cat.", 'A "man", with\ta cat,\nand a dog.', ""],
    amber: ["A dog under a tree.", "No", "No", "Yes"],
    "amber-discriminative": ["No", "No", "Yes"],
    pope: ["Yes", "Yes", "No", "No", "Yes", "No"],
    mme: ["Yes", "Yes", "No", "No"],
  };

  async function told(name: string, annotations = join(folder, name), options = {}): Promise<Told[]> {
    const all: Told[] = [];
    const said = SAID[name] ?? ["Yes"];
    for await (const prompt of benchmarkNamed(name).prompts?.(annotations, options) ?? []) {
      all.push({ ...prompt, at: all.length, said: said[all.length % said.length] as string });
    }
    return all;
  }

  async function scoredFile(name: string, content: string | Uint8Array, request: Partial<ScoreRequest> = {}) {
    const answers = join(await mkdtemp(join(folder, "answers-")), "answers");
    await writeFile(answers, content);
    const annotations = join(folder, name);
    return score({ benchmark: benchmarkNamed(name), annotations, answers, mode: "strict", ...request });
  }

  /** The same answers in the benchmark's own layout. */
  async function own(name: string) {
    const benchmark = benchmarkNamed(name);
    const all = await told(name);
    const rows: unknown[] = [];
    for await (const prompt of benchmark.prompts?.(join(folder, name)) ?? []) {
      rows.push(benchmark.answerRow?.(prompt, all[rows.length]?.said as string));
    }
    if (benchmark.answers !== "text-folder") return scoredFile(name, JSON.stringify(rows));
    const answers = await mkdtemp(join(folder, "own-"));
    const files = new Map<string, string>();
    for (const { file, text } of rows as { file: string; text: string }[]) {
      files.set(file, `${files.get(file) ?? ""}${text}\n`);
    }
    for (const [file, content] of files) await writeFile(join(answers, file), content);
    return score({ benchmark, annotations: join(folder, name), answers, mode: "strict" });
  }

  async function same(name: string, content: string, layout: RegExp): Promise<void> {
    const [found, expected] = [await scoredFile(name, content), await own(name)];
    expect(found.metrics).to.deep.equal(expected.metrics);
    expect(found.bootstrap).to.deep.equal(expected.bootstrap);
    expect(found.notes.join()).to.match(layout);
  }

  describe("LLaVA's answers.jsonl", () => {
    const LLAVA = /read from LLaVA's answers/;
    const row = (question_id: unknown, prompt: string, text: string, more: object = {}) => {
      return { question_id, prompt, text, answer_id: "a", model_id: "llava", metadata: {}, ...more };
    };

    it("stand for AMBER's", async () => {
      await same(
        "amber",
        lines((await told("amber")).map(({ id, text, said }) => row(id, text, said)).reverse()),
        LLAVA,
      );
    });

    it("stand for MME's, whose ids are images and whose instruction is another", async () => {
      const rows = (await told("mme")).map(({ image, group, text, said }) => {
        const id = `${group}/${image.split("/").at(-1)}`;
        return row(id, `${text}\nAnswer the question using a single word or phrase.`, said);
      });
      await same("mme", lines(rows), LLAVA);
    });

    it("stand for CHAIR's, with the image's name or with its id", async () => {
      const all = await told("chair");
      const named = all.map(({ image, said }, at) => row(at, "What is there?", said, { image }));
      await same("chair", lines(named), LLAVA);
      await same("chair", lines(all.map(({ id, said }) => row(id, "Describe it.", said))), LLAVA);
      const numbered = all.map(({ image, said }) => row(image, "Describe it.", said));
      await same("chair", lines(numbered), LLAVA);
    });

    it("are refused where their ids count otherwise", async () => {
      const all = await told("amber-discriminative");
      const shifted = all.map(({ id, said }, at) => row(id, `Is it ${at + 1}?`, said));
      const annotations = join(folder, "amber-texts");
      await writeTinyBenchmark(annotations, TINY_BENCHMARKS["amber"] ?? { files: {} });
      const queries = [1, 2, 3, 4].map((id) => ({ id, image: `AMBER_${id}.jpg`, query: `Is it ${id}?` }));
      await writeFile(join(annotations, "query_all.json"), JSON.stringify(queries));
      expect(await complaintOf(scoredFile("amber-discriminative", lines(shifted), { annotations }), folder)).to.match(
        /line 1: question 2 of amber-discriminative is "Is it 2\?", the answer is to "Is it 1\?"; the ids are those of another/,
      );
      const foreign = [row(99, "Is it 99?", "Yes")];
      expect(await complaintOf(scoredFile("amber-discriminative", lines(foreign), { annotations }), folder)).to.match(
        /line 1: answers id "99", question "Is it 99\?", which none of the 3 questions of amber-discriminative is; .* id 2/,
      );
    });
  });

  describe("VLMEvalKit's predictions", () => {
    const VLMEVALKIT = /read from VLMEvalKit's predictions/;
    const COLUMNS = ["index", "image_path", "question", "answer", "category", "prediction"];
    const cells = ({ at, image, text, group, said }: Told) =>
      [at, image, text.replace(" Please answer yes or no.", ""), "Yes", group ?? "", said].map(String);
    const table = (rows: readonly string[][], separator: string): string =>
      [COLUMNS, ...rows]
        .map((row) =>
          row.map((cell) => (/["\t\n,]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(separator),
        )
        .join("\n");

    for (const name of ["mme", "chair", "amber-discriminative"]) {
      it(`stand for ${name}'s as tsv, csv and JSON`, async () => {
        const rows = (await told(name)).map(cells);
        await same(name, table(rows, "\t"), VLMEVALKIT);
        await same(name, table(rows, ","), VLMEVALKIT);
        const json = rows.map((row) => Object.fromEntries(COLUMNS.map((column, at) => [column, row[at]])));
        await same(name, JSON.stringify(json), VLMEVALKIT);
      });
    }

    it("answer a question once for all of POPE's splits that ask it", async () => {
      const all = await told("pope");
      const once = all.filter(({ group }) => group === "random");
      const rows = once.map(({ image, text, said }, index) => {
        return {
          index,
          image_path: image,
          question: text,
          answer: "Yes",
          category: "adversarial,popular,random",
          prediction: said,
        };
      });
      const { metrics, n } = await scoredFile("pope", JSON.stringify(rows));
      expect(n).to.equal(all.length);
      // Yes to the dog that is there and to the cat that is not, in every split.
      for (const split of ["random", "popular", "adversarial"]) expect(metrics[`${split}/precision`]).to.equal(50);
      const unnamed = rows.map((row) => ({ ...row, category: "" }));
      expect(await complaintOf(scoredFile("pope", JSON.stringify(unnamed)))).to.match(
        /element 1: answers image .*, which pope asks 3 times \(in random, popular, adversarial\); name the part/,
      );
    });

    it("name the row whose cells do not fit the header", async () => {
      const broken = "index\tquestion\tprediction\n0\tIs it?\tYes\n1\tIs it?\n";
      expect(await complaintOf(scoredFile("chair", broken), folder)).to.match(
        /line 2: answers question "Is it\?", which none/,
      );
      expect(await complaintOf(scoredFile("chair", broken.replace("0\tIs it?\tYes\n", "")), folder)).to.match(
        /line 2: found 2 cells, expected 3 as in the first line \("index, question, prediction"\)/,
      );
    });
  });

  describe("lmms-eval's samples", () => {
    const LMMS = /read from lmms-eval's samples/;
    const sample = (doc: object, said: string, doc_id: number) => {
      return { doc_id, doc, target: "yes", resps: [[`<think>No.</think>${said}`]], filtered_resps: [said], NaN: null };
    };
    const docs: Readonly<Record<string, (prompt: Told) => object>> = {
      pope: ({ image, text, group, at }) => {
        return {
          id: at,
          question_id: at % 2,
          question: text,
          answer: "yes",
          image_source: image.replace(".jpg", ""),
          category: group,
        };
      },
      mme: ({ image, text, group }) => {
        return { question_id: `${group}/${image.split("/").at(-1)}`, question: text, answer: "Yes", category: group };
      },
      amber: ({ id, text }) => ({ question_id: id, text, task_type: "any" }),
      chair: ({ image, text }) => ({ image_path: image, question: text }),
    };
    for (const [name, doc] of Object.entries(docs)) {
      it(`stand for ${name}'s`, async () => {
        const rows = (await told(name)).map((prompt) => sample(doc(prompt), prompt.said, prompt.at));
        await same(name, lines(rows).replaceAll('"NaN":null', '"NaN":NaN'), LMMS);
        // Older versions wrote one object.
        await same(name, JSON.stringify({ args: {}, model_configs: {}, logs: rows }), LMMS);
        const unfiltered = rows.map(({ filtered_resps, ...row }) => ({ ...row, resps: [filtered_resps] }));
        await same(name, lines(unfiltered), LMMS);
      });
    }
  });

  describe("a batch's output", () => {
    const BATCH = /read from a batch's output/;
    const output = (id: unknown, body: object) => {
      return {
        id: "batch_req_1",
        custom_id: String(id),
        response: { status_code: 200, request_id: "r", body },
        error: null,
      };
    };

    for (const name of ["amber", "mme", "chair", "pope"]) {
      it(`stands for ${name}'s, from chat completions or responses`, async () => {
        const all = await told(name);
        const chats = all.map(({ id, said }) =>
          output(id, { choices: [{ message: { role: "assistant", content: said } }] }),
        );
        await same(name, lines(chats.reverse()), BATCH);
        const parts = (text: string) => [{ type: "output_text", text, annotations: [] }];
        await same(
          name,
          lines(
            all.map(({ id, said }) =>
              output(id, { output: [{ type: "reasoning" }, { type: "message", content: parts(said) }] }),
            ),
          ),
          BATCH,
        );
      });
    }

    it("names the question that has no answer", async () => {
      const failed = { id: "b", custom_id: "1", response: null, error: { code: "batch_expired" } };
      expect(await complaintOf(scoredFile("chair", lines([failed])), folder)).to.match(
        /line 1: question "1" has no answer but \{"code":"batch_expired"\}; ask it again/,
      );
    });
  });

  it("reads the captions that CHAIR's script reads and those that it writes", async () => {
    const captions = (await told("chair")).map(({ id, said }) => ({
      image_id: id,
      caption: said,
      SPICE: { All: { f: "NAN" } },
    }));
    const expected = await own("chair");
    const read = JSON.stringify({
      overall: { CIDEr: "NAN" },
      imgToEval: Object.fromEntries(captions.map((row) => [row.image_id, row])),
    });
    const written = JSON.stringify({ sentences: captions, overall_metrics: { CHAIRs: 0.5 } }, null, 2);
    for (const text of [read, read.replaceAll('"NAN"', "NaN"), written, JSON.stringify(JSON.parse(read), null, 1)]) {
      expect((await scoredFile("chair", text)).metrics).to.deep.equal(expected.metrics);
    }
  });

  it("reads objects one after another, each over many lines", async () => {
    const captions = (await told("chair")).map(({ id, said }) => ({ image_id: id, caption: said, note: ["{", "]"] }));
    const text = captions.map((row) => JSON.stringify(row, null, 4)).join("\n");
    const { metrics, n } = await scoredFile("chair", text);
    expect([metrics, n]).to.deep.equal([(await own("chair")).metrics, 3]);
    expect(await complaintOf(scoredFile("chair", text.slice(0, -2)), folder)).to.match(
      /line 17: the file ends before this value does; it is cut off/,
    );
    expect(await complaintOf(scoredFile("chair", text.replace('"image_id": 2', "image_id: 2")), folder)).to.match(
      /line 9: is not JSON from character /,
    );
  });

  it("reads Python's NaN as a missing value", async () => {
    const rows = (await told("chair")).map(({ id, said }) => ({ image_id: id, caption: said, score: "NAN" }));
    const { metrics } = await scoredFile("chair", lines(rows).replaceAll('"NAN"', "NaN"));
    expect(metrics).to.deep.equal((await own("chair")).metrics);
  });

  it("says what a file is that is no text", async () => {
    const files: [Uint8Array, RegExp][] = [
      [
        Buffer.from("PK\u0003\u0004\n[Content_Types].xml,a\n", "latin1"),
        /answers: is a zip archive or an Excel file, .*save the table as .tsv/,
      ],
      [gzipSync("{}"), /answers: is compressed with gzip, expected text; unpack it with gunzip/],
    ];
    for (const [bytes, message] of files)
      expect(await complaintOf(scoredFile("chair", bytes), folder)).to.match(message);
  });

  describe("a layout that is unknown", () => {
    const rows = [1, 2, 3].map((image, at) => ({
      picture: { name: `COCO_val2014_00000000000${image}.jpg` },
      out: SAID["chair"]?.[at],
    }));

    it("is refused with what was found", async () => {
      expect(await complaintOf(scoredFile("chair", lines(rows)), folder)).to.match(
        /line 1: field caption is missing; found the fields picture, out, expected those of chair \(image_id, caption\) or of .*LLaVA's answers.*--map id=<field> --map answer=<field>$/,
      );
    });

    it("is read as the user describes it", async () => {
      const { metrics, notes } = await scoredFile("chair", lines(rows), { map: ["image=picture.name", "answer=out"] });
      expect(metrics).to.deep.equal((await own("chair")).metrics);
      expect(notes[0]).to.equal("the answers were read from fields named with --map (image=picture.name, answer=out)");
      const wrong: [string[], RegExp][] = [
        [["answer=out"], /--map names no id and no image/],
        [["id=picture"], /--map names no answer/],
        [["reply=out"], /--map is "reply=out", expected name=field with a name of answer, id, image/],
        [["answer=out", "answer=x"], /--map answer=... is given twice/],
        [["answer=said", "image=picture.name"], /line 1: field said of --map is missing; found picture, out/],
        [["answer=out", "image=picture"], /line 1: field picture of --map is \{"name".*, expected text or a whole/],
        [["answer=picture", "image=picture.name"], /line 1: field picture is .*, expected the model's answer/],
      ];
      for (const [map, message] of wrong) {
        expect(await complaintOf(scoredFile("chair", lines(rows), { map }))).to.match(message);
      }
    });
  });

  describe("annotations as other places hold them", () => {
    const column = (name: string, data: unknown[], type: "STRING" | "INT64" = "STRING") => ({ name, data, type });

    it("are lmms-lab's Parquet files of POPE", async () => {
      const annotations = join(folder, "pope-parquet");
      await mkdir(join(annotations, "data"), { recursive: true });
      const splits = ["adversarial", "popular", "random"].flatMap((split) => [split, split]);
      const table = parquetWriteBuffer({
        columnData: [
          column("id", ["0", "1", "2", "3", "4", "5"]),
          column("question_id", ["1", "2", "1", "2", "1", "2"]),
          column(
            "question",
            splits.map((_, at) => `Is there a ${at % 2 === 0 ? "dog" : "cat"} in the image?`),
          ),
          column(
            "answer",
            splits.map((_, at) => (at % 2 === 0 ? "yes" : "no")),
          ),
          column(
            "image_source",
            splits.map((_, at) => `COCO_val2014_00000000000${at % 2}`),
          ),
          column("category", splits),
        ],
      });
      await writeFile(join(annotations, "data", "test-00000-of-00001.parquet"), new Uint8Array(table));
      const all = await told("pope", annotations);
      expect(all[0]).to.include({ id: "adversarial/1", image: "COCO_val2014_000000000000.jpg", group: "adversarial" });
      const rows = all.map(({ id }) => ({ question_id: id, text: "Yes" }));
      const { metrics, settings } = await scoredFile("pope", lines(rows), { annotations });
      expect(metrics).to.include({ precision: 50, recall: 100, "random/accuracy": 50 });
      expect(settings).to.deep.equal({ split: "all" });
      const one = [1, 2].map((question_id) => ({ question_id, text: question_id === 1 ? "Yes" : "No" }));
      const popular = await scoredFile("pope", lines(one), { annotations, options: { split: "popular" } });
      expect(popular.metrics).to.include({ accuracy: 100 });
    });

    it("are lmms-lab's Parquet files of MME", async () => {
      const annotations = join(folder, "mme-parquet");
      await mkdir(annotations);
      const table = parquetWriteBuffer({
        columnData: [
          column("question_id", ["OCR/1.jpg", "OCR/1.jpg"]),
          column("question", ["Is it A? Please answer yes or no.", "Is it B? Please answer yes or no."]),
          column("answer", ["Yes", "No"]),
          column("category", ["OCR", "OCR"]),
        ],
      });
      await writeFile(join(annotations, "test.parquet"), new Uint8Array(table));
      const rows = ["Is it B?", "Is it A?"].map((prompt) => ({
        question_id: "OCR/1.jpg",
        prompt,
        text: prompt === "Is it A?" ? "Yes" : "No",
      }));
      const options = { tasks: "OCR" };
      const { metrics, n, settings } = await scoredFile("mme", lines(rows), { annotations, options });
      expect(metrics).to.include({ "OCR/score": 200 });
      expect([n, settings]).to.deep.equal([2, { tasks: "OCR" }]);
      expect(await complaintOf(scoredFile("mme", "3\n", { annotations, options }), folder)).to.match(
        /line 1: found 3, expected an object; mme takes a folder of text files, or rows of /,
      );
    });

    for (const [dataset, path] of [
      ["aokvqa", "output/seem/aokvqa/aokvqa_pope_seem_SPLIT.json"],
      ["gqa", "gqa/gqa_pope_seem_SPLIT.json"],
      ["gqa", "gqa_pope_SPLIT.json"],
    ] as const) {
      it(`are POPE's labels at ${path}`, async () => {
        const annotations = join(folder, path);
        for (const split of ["random", "popular", "adversarial"]) {
          const file = join(annotations, path.replace("SPLIT", split));
          await mkdir(dirname(file), { recursive: true });
          const labels = [1, 2].map((id) => {
            return {
              question_id: id,
              image: `${id}.jpg`,
              text: `Is there a ${split} ${id}?`,
              label: id === 1 ? "yes" : "no",
            };
          });
          await writeFile(file, lines(labels));
        }
        const options = { dataset };
        const all = await told("pope", annotations, options);
        expect(all).to.have.length(6);
        const rows = all.map(({ id }) => ({ question_id: id, text: "Yes" }));
        const whole = await scoredFile("pope", lines(rows), { annotations, options });
        expect(whole.metrics).to.include({ accuracy: 50, recall: 100 });
        expect(whole.settings).to.deep.equal({ dataset, split: "all" });
        // One split, as each label file is answered.
        const popular = [1, 2].map((question_id) => ({ question_id, text: question_id === 1 ? "Yes" : "No" }));
        const one = await scoredFile("pope", lines(popular), {
          annotations,
          options: { ...options, split: "popular" },
        });
        expect(one.metrics).to.include({ accuracy: 100 });
        expect(
          await complaintOf(scoredFile("pope", lines(rows), { annotations, options: { dataset: "vqa" } })),
        ).to.match(/option dataset is "vqa", expected coco, aokvqa or gqa/);
      });
    }
  });
});
