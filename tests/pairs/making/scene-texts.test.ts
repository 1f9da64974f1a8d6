import { expect } from "chai";
import { RejectedTextMaker } from "../../../src/pairs/making/make-rejected.js";
import type { MakingRow } from "../../../src/pairs/making/making-row.js";
import type { TextContrast } from "../../../src/pairs/making/contrast-text.js";
import { readSentence, sceneSentence, type SceneSentence, type Told } from "./scene-sentences.js";

const SENTENCES = Number(process.env["SCPO_SENTENCES"] ?? 300);
const SEEDS = [1, 2, 3];
const OPPOSITES: Readonly<Record<string, string>> = {
  "to the left of": "to the right of",
  "to the right of": "to the left of",
  above: "below",
  below: "above",
  "next to": "far away from",
  "in front of": "behind",
  behind: "in front of",
};

function rowOf({ text, counts }: SceneSentence, id: string, annotated: boolean): MakingRow {
  const objects = annotated ? [...counts.keys()] : null;
  return { id, chosen: text, objects, counts: annotated ? counts : null, attributes: null, captions: [] };
}

/** What is wrong with a made text, by what both sentences say; undefined where exactly the intended fact changed. */
function fault(scene: SceneSentence, made: TextContrast): string | undefined {
  let before: Told;
  let after: Told;
  try {
    before = readSentence(scene.text);
  } catch (error) {
    throw new Error(`the test's own sentence "${scene.text}": ${String(error)}`, { cause: error });
  }
  try {
    after = readSentence(made.rejected);
  } catch (error) {
    return String(error);
  }
  const said = ({ counts, colours, relations }: Told): string[] => [
    ...[...counts].map(([name, count]) => `${count} ${name}`),
    ...[...colours].map(([name, colour]) => `${colour} ${name}`),
    ...relations.map(([relation, to]) => `${relation} ${to}`),
  ];
  const [left, right] = [said(before), said(after)];
  const gone = left.filter((fact) => !right.includes(fact));
  const come = right.filter((fact) => !left.includes(fact));
  const changed = `${gone.join(", ")} -> ${come.join(", ")}`;
  switch (made.kind) {
    case "object": {
      const [[from], [to]] = [
        [...before.counts.keys()].filter((name) => !after.counts.has(name)),
        [...after.counts.keys()].filter((name) => !before.counts.has(name)),
      ];
      if (from === undefined || to === undefined || scene.counts.has(to)) return changed;
      const renamed = left.map((fact) => (fact.endsWith(` ${from}`) ? fact.slice(0, -from.length) + to : fact));
      return renamed.sort().join() === right.sort().join() ? undefined : changed;
    }
    case "count":
      return gone.length === 1 && come.length === 1 && gone[0]?.split(" ")[1] === come[0]?.split(" ")[1]
        ? undefined
        : changed;
    case "attribute":
      return gone.length === 1 &&
        come.length === 1 &&
        before.colours.size === after.colours.size &&
        before.relations.length === after.relations.length &&
        [...before.colours].some(
          ([name, colour]) => gone[0] === `${colour} ${name}` && come[0] === `${after.colours.get(name)} ${name}`,
        )
        ? undefined
        : changed;
    case "relation": {
      const [[relation, to] = ["", ""]] = before.relations;
      return gone.join() === `${relation} ${to}` && come.join() === `${OPPOSITES[relation]} ${to}`
        ? undefined
        : changed;
    }
    case "presence":
      if (made.detail === "denied")
        return gone.length === 1 && come.length === 1 && come[0] === `0 ${gone[0]?.split(" ")[1]}`
          ? undefined
          : changed;
      return gone.length === 0 && come.length === 1 && come[0]?.startsWith("1 ") && !scene.counts.has(come[0].slice(2))
        ? undefined
        : changed;
    default:
      return made.kind;
  }
}

describe("texts made of sentences about scenes", function () {
  this.timeout(120_000);
  for (const annotated of [true, false]) {
    for (const seed of SEEDS) {
      it(`change exactly one fact, ${annotated ? "with" : "without"} annotations, seed ${seed}`, () => {
        const maker = new RejectedTextMaker({ seed });
        const scenes = Array.from({ length: SENTENCES }, (_, index) => sceneSentence(seed, index));
        const rows = scenes.map((scene, index) => rowOf(scene, `${seed}-${index}`, annotated));
        for (const row of rows) maker.learn(row);
        const made = new Map<string, number>();
        const faults: string[] = [];
        for (const [index, row] of rows.entries()) {
          const contrast = maker.make(row);
          if (contrast === null) continue;
          made.set(contrast.kind, (made.get(contrast.kind) ?? 0) + 1);
          const wrong = fault(scenes[index] as SceneSentence, contrast);
          if (wrong !== undefined) faults.push(`${contrast.kind}: "${row.chosen}" -> "${contrast.rejected}": ${wrong}`);
        }
        const total = [...made.values()].reduce((sum, count) => sum + count, 0);
        if (process.env["SCPO_SENTENCES"] !== undefined) {
          console.log(
            annotated,
            seed,
            `${total} of ${SENTENCES}`,
            Object.fromEntries(made),
            `${faults.length} faults`,
            faults.slice(0, 10),
          );
        }
        expect(total).to.be.at.least(0.9 * SENTENCES);
        for (const kind of ["object", "attribute", "count", "relation", "presence"])
          expect(made.get(kind), kind).to.be.at.least(5);
        expect(faults.length, faults.slice(0, 5).join("\n")).to.be.at.most(0.01 * total);
      });
    }
  }
});
