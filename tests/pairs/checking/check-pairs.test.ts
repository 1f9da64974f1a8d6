import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { UserError } from "../../../src/errors.js";
import { type CheckOptions, checkPairs, type CheckReport } from "../../../src/pairs/checking/check-pairs.js";
import { type Row, writeTable } from "../../../src/pairs/table.js";
import { PAIR_COLUMNS } from "../../../src/pairs/pair-row.js";

/** A picture of grey bars that no other seed shares. */
async function picture(seed: number, options: { side?: number; quality?: number } = {}): Promise<Buffer> {
  const { side = 64, quality } = options;
  const pixels = Buffer.alloc(81);
  let state = seed + 1;
  for (let at = 0; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[at] = state >>> 24;
  }
  const image = sharp(pixels, { raw: { width: 9, height: 9, channels: 1 } }).resize(side, side, { kernel: "nearest" });
  return quality === undefined ? image.png().toBuffer() : image.jpeg({ quality }).toBuffer();
}

describe("check of a pairs file", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-check-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  let files = 0;
  async function good(row: number): Promise<Record<string, unknown>> {
    const words = ["dog", "cat", "cow", "pig", "hen", "fox", "owl", "bee"];
    const [chosen, rejected] = [words[row % 8], words[(row + 1 + Math.floor(row / 8)) % 8]];
    return {
      id: `pair-${row}`,
      images: [await picture(2 * row)],
      rejected_images: [await picture(2 * row + 1)],
      prompt: "What is here?",
      chosen: `Here is a ${chosen}.`,
      rejected: `Here is a ${rejected}.`,
      kind: row % 2 === 0 ? "object" : "presence",
      stage: row % 3,
    };
  }

  async function write(changes: Record<number, Record<string, unknown>> = {}, rows = 24): Promise<string> {
    const all = await Promise.all(
      Array.from({ length: rows }, async (_, row) => ({ ...(await good(row)), ...changes[row] })),
    );
    files += 1;
    const path = join(folder, `pairs-${files}.parquet`);
    await writeTable(path, PAIR_COLUMNS, all as Row[]);
    return path;
  }

  async function found(
    changes: Record<number, Record<string, unknown>>,
    options?: CheckOptions,
  ): Promise<{ report: CheckReport; told: Record<string, number[]> }> {
    const report = await checkPairs(await write(changes), options);
    const told = Object.fromEntries(
      report.findings.map(({ check, examples }) => [check, examples.map(({ row }) => row)]),
    );
    return { report, told };
  }

  it("finds nothing in a good file", async () => {
    const { report } = await found({});
    expect(report.findings).to.deep.equal([]);
    expect(report).to.deep.include({ rows: 24, complete: 24, kinds: { object: 12, presence: 12 } });
    expect(report.stages).to.deep.equal({ "0": 8, "1": 8, "2": 8 });
  });

  it("counts what is known of the truth of rejected, and tells the rows where it is false", async () => {
    const { report, told } = await found({
      1: { rejected_true: true, rejected_true_by: "annotation" },
      2: { rejected_true: false, rejected_true_by: "construction" },
      3: { rejected_true: false },
      4: { rejected_images: null },
    });
    expect(report.rejectedTrue).to.deep.equal({
      "false (construction)": 1,
      false: 1,
      "true (annotation)": 1,
      unknown: 20,
    });
    expect(told).to.deep.equal({ "contrast-false": [2, 3] });
  });

  it("tells each wrong row, and what is wrong with it", async () => {
    const one = await picture(100);
    const cut = (await picture(101)).subarray(0, 60);
    const { report, told } = await found({
      1: { rejected: "Here is a cat.", chosen: "Here is a cat." },
      2: { images: [one], rejected_images: [one] },
      3: { rejected_images: [cut] },
      4: { id: "pair-0" },
      5: { chosen_word: "horse" },
      6: { rejected_images: [await picture(102, { side: 20 })] },
      7: { rejected: "There was a bee there." },
      8: { chosen: "Here is a dog!", rejected: "here is a dog" },
      9: await good(10),
      11: { images: [await picture(24, { quality: 90 })] },
      13: { rejected: "  " },
    });
    expect(told).to.deep.equal({
      texts: [1, 13],
      "same-picture": [2],
      picture: [3],
      id: [4, 10],
      words: [5],
      "small-picture": [6],
      facts: [7],
      "no-word": [8],
      duplicate: [10],
      "near-duplicate": [12],
    });
    expect(report.findings.filter(({ severity }) => severity === "error").map(({ check }) => check)).to.have.members([
      "texts",
      "same-picture",
      "picture",
      "id",
      "words",
    ]);
  });

  it("takes incomplete pairs as they are", async () => {
    const { report } = await found({ 0: { rejected: null, rejected_images: null }, 1: { rejected_images: null } });
    expect(report.findings).to.deep.equal([]);
    expect(report.complete).to.equal(22);
  });

  it("finds pictures of an evaluation set", async () => {
    files += 1;
    const other = join(folder, `evaluation-${files}.parquet`);
    const rows = [await picture(500), await picture(6, { quality: 85 })].map((image) => ({ image }));
    await writeTable(other, [{ name: "image", kind: "image" }], rows);
    const { told } = await found({}, { against: [other] });
    expect(told).to.deep.equal({ "evaluation-leak": [3] });
  });

  it("tells a bias of length and of words", async () => {
    const changes = Object.fromEntries(
      Array.from({ length: 24 }, (_, row) => [row, { rejected: `Here is a unicorn with ${row} horns.` }]),
    );
    const { told } = await found(changes);
    expect(told).to.have.keys("length-bias", "blind-words");
  });

  it("tells a bias of position: the prompt that names chosen first or last, and one place where all texts differ", async () => {
    const asked = async (order: (row: number) => boolean) =>
      found(
        Object.fromEntries(
          await Promise.all(
            Array.from({ length: 24 }, async (_, row) => {
              const { chosen, rejected } = await good(row);
              const [one, other] = [chosen, rejected].map((text) => /a (\w+)\./.exec(text as string)?.[1] ?? "");
              return [row, { prompt: order(row) ? `A ${one} or a ${other}?` : `A ${other} or a ${one}?` }] as const;
            }),
          ),
        ),
      );
    expect(
      (await asked((row) => row !== 3)).report.findings.map(({ check, text }) => `${check}: ${text}`),
    ).to.deep.equal([
      "position-bias: of 24 prompts that name both answers, 95.8 % name chosen first: a model may learn the place; mix the order",
    ]);
    expect((await asked((row) => row === 3)).report.findings[0]?.text).to.include("95.8 % name chosen last");
    expect((await asked((row) => row % 2 === 0)).told).to.deep.equal({});

    const placed = async (at: (row: number) => number) =>
      found(
        Object.fromEntries(
          await Promise.all(
            Array.from({ length: 24 }, async (_, row) => {
              const { chosen, rejected } = await good(row);
              const text = (fact: unknown) =>
                ["It", "rains", "in", "this", "town"]
                  .toSpliced(at(row), 0, /a (\w+)\./.exec(fact as string)?.[1] ?? "")
                  .join(" ");
              return [row, { chosen: text(chosen), rejected: text(rejected) }] as const;
            }),
          ),
        ),
      );
    const { told, report } = await placed(() => 5);
    expect(told).to.have.keys("difference-place");
    expect(report.findings[0]?.text).to.include(
      "of 24 pairs of six words or more, 100.0 % first differ in the last third",
    );
    expect((await placed((row) => 2 * (row % 3))).told).to.deep.equal({});
  });

  it("tells answers that a model gives without the picture, and rows too long for the context", async () => {
    const changes = Object.fromEntries(
      Array.from({ length: 24 }, (_, row) => [
        row,
        { blind_margin: row === 5 ? -1 : 2, tokens: row === 7 ? 2049 : 700 },
      ]),
    );
    const { report, told } = await found(changes, { context: 2048 });
    expect(told).to.have.keys("blind-model", "context");
    expect(told["context"]).to.deep.equal([7]);
    expect(report.blindModel?.share).to.be.closeTo(23 / 24, 1e-12);
  });

  it("tells a kind that is rare", async () => {
    const changes = Object.fromEntries(
      Array.from({ length: 24 }, (_, row) => [row, { kind: row === 0 ? "count" : "object" }]),
    );
    expect((await found(changes)).told).to.have.keys("kind-balance");
  });

  it("names a file that it cannot read", async () => {
    let error: unknown;
    await checkPairs(join(folder, "nowhere.parquet")).catch((caught: unknown) => (error = caught));
    expect(error)
      .to.be.instanceOf(UserError)
      .with.property("message")
      .that.matches(/nowhere\.parquet/);
  });

  it("stops when asked to", async () => {
    const path = await write();
    let name = "";
    await checkPairs(path, { signal: AbortSignal.abort() }).catch((error: Error) => (name = error.name));
    expect(name).to.equal("AbortError");
  });
});
