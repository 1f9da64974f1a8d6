import { expect } from "chai";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { parse } from "yaml";
import { UserError } from "../../src/errors.js";
import { LOSSES } from "../../src/generated/losses.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { writePairRows } from "../../src/pairs/pair-rows.js";
import { refuseFalseContrasts } from "../../src/run-file/contrast-truth.js";
import { planRun } from "../../src/run-file/plan-run.js";
import { checkRunSettings } from "../../src/run-file/read.js";
import { bareRow } from "../pairs/bare-row.js";

/**
 * Settings under which a loss never rewards `rejected` on `rejected_images`, by its formula in docs/objectives.md: no term
 * there holds D(y_l|v_l) with a plus.
 */
const WITHOUT: Readonly<Record<string, Readonly<Record<string, number>> | null>> = {
  chip: {},
  dpo: {},
  mdpo: {},
  rdpo: {},
  "s-vco": { attend_mirror: 0 },
  scpo: { mirror_weight: 0 },
  sft: {},
  symmpo: { pair: 0, anchor: 0, consistency: 0 },
  // TRL's losses know the texts on `images` alone.
  ...Object.fromEntries(
    ["aot", "aot_unpaired", "apo_down", "apo_zero", "bco_pair", "discopop", "exo_pair", "hinge", "ipo", "nca_pair"]
      .concat(["robust", "sigmoid_norm", "sppo_hard"])
      .map((name) => [name, {}]),
  ),
};
/** Settings under which it does, in one term at least. */
const WITH: Readonly<Record<string, readonly Readonly<Record<string, number>>[]>> = {
  chip: [],
  dpo: [{ both_directions: 1 }],
  mdpo: [],
  rdpo: [],
  "s-vco": [{}, { attend: 0, reject: 0, reject_mirror: 0 }],
  scpo: [{}, { visual_mirror: 0 }, { textual_mirror: 0 }, { mirror_weight: 0, anchor: 1 }],
  sft: [{ both_directions: 1 }],
  symmpo: [{}, { pair: 0, consistency: 0 }, { anchor: 0, consistency: 0 }, { pair: 0, anchor: 0 }],
};

describe("pairs whose rejected text is false of their contrast picture", function () {
  this.timeout(20_000);
  const pairs = [true, false, null, false, true].map((rejectedTrue, at) => ({ id: `pair-${at}`, rejectedTrue }));
  const refusal = (loss: string, parameters: Readonly<Record<string, number>>, rows = [0, 1, 2, 3]): string | null => {
    try {
      refuseFalseContrasts("a.parquet", pairs, [
        {
          name: "easy",
          pairs: rows,
          losses: [
            { name: "sft", parameters: {} },
            { name: loss, parameters },
          ],
        },
      ]);
      return null;
    } catch (error) {
      expect(error).to.be.instanceOf(UserError);
      return (error as UserError).message;
    }
  };

  it("are refused by every loss that learns the text as true, and by no other", () => {
    expect(Object.keys(WITHOUT)).to.have.members(Object.keys(LOSSES));
    for (const loss of Object.keys(LOSSES)) {
      expect(refusal(loss, WITHOUT[loss] ?? {}), loss).to.equal(null);
      for (const parameters of WITH[loss] ?? []) {
        expect(refusal(loss, parameters), `${loss} ${JSON.stringify(parameters)}`).to.be.a("string");
      }
    }
    expect(refusal("scpo", {}, [0, 2, 4])).to.equal(null);
    expect(refusal("a loss of another service", {})).to.equal(null);
  });

  it("are named with their number and what to do", () => {
    expect(refusal("scpo", { anchor: 0.5 })).to.equal(
      "a.parquet: of the 4 pairs of stage easy, rejected is false of rejected_images in 2 (column rejected_true; the first: " +
        'pair "pair-1", row 1), and the loss scpo learns it as true of them: drop them (scpo pairs filter FILE --out OUT ' +
        "--drop-finding contrast-false), or set anchor and mirror_weight to 0",
    );
  });

  it("stop the planning of a run", async () => {
    const folder = await mkdtemp(join(tmpdir(), "scpo-truth-"));
    try {
      const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
        .png()
        .toBuffer();
      const path = join(folder, "pairs.parquet");
      const write = (rejectedTrue: boolean) =>
        writePairRows(
          path,
          Array.from({ length: 12 }, (_, at) =>
            bareRow({
              ...{ id: `pair-${at}`, images: [picture], rejectedImages: [picture], chosen: `a dog ${at}` },
              ...{
                rejected: `a cat ${at}`,
                rejectedTrue,
                rejectedTrueBy: "construction",
                difficulty: at / 12,
                stage: Math.floor(at / 4),
              },
            }),
          ),
        );
      const example = parse(await readFile(join(PACKAGE_ROOT, "examples", "run.yaml"), "utf8")) as object;
      const settings = { ...example, id: "truth", data: { pairs: path }, evaluation: undefined };
      const plan = () => planRun(checkRunSettings(settings).settings, join(folder, "run"));
      await write(false);
      const error = await plan().catch((thrown: unknown) => thrown);
      expect((error as Error).message).to.match(/^.*pairs\.parquet: of the \d+ pairs of stage \S+, rejected is false/);
      await write(true);
      expect((await plan()).plan.stages).to.not.be.empty;
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
