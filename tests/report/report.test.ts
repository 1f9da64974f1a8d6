import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { Scores } from "../../src/evaluation/eval-result.js";
import { renderHeadlineSvg } from "../../src/report/headline-svg.js";
import { renderReport, writeReport } from "../../src/report/report.js";
import type { ReportData } from "../../src/report/report-data.js";
import { headlineSentence } from "../../src/report/sections/headline.js";
import { markedCaption } from "../../src/report/sections/examples.js";
import { lossOfMargin } from "../../src/report/sections/rewards.js";
import { reportFixture } from "./fixture.js";

/** The page without its pictures, whose base64 may spell anything. */
const withoutPictures = (page: string): string => page.replace(/base64,[A-Za-z0-9+/=]+/g, "base64,");

describe("renderReport", () => {
  const data = reportFixture();
  const page = renderReport(data);

  it("shows every part", () => {
    for (const title of [
      "Before and after",
      "The first 12 test scenes",
      "worst of the others",
      "Hallucination against coverage",
      "Coverage by stage",
      "Timeline of the curriculum",
      "Textual: which text fits the picture",
      "Visual: which picture fits the text",
      "Loss terms",
      "ln 2: policy = reference",
      "Drift: KL to the reference and to the initial model",
      "Pairs with the worst margins",
      "Lost telemetry messages",
      "npx scpo demo --seed 1",
    ]) {
      expect(page).to.include(title);
    }
  });

  it("needs nothing from elsewhere and shows no NaN or undefined", () => {
    const text = withoutPictures(page);
    expect(text).not.to.match(/NaN|Infinity|undefined|\[object/);
    expect(text).not.to.match(/https?:|url\(|<script|<link|@import/);
    for (const [, source] of text.matchAll(/(?:src|href)="([^"]*)"/g))
      expect(source).to.match(/^(#|data:image\/png;base64,)/);
  });

  it("closes what it opens", () => {
    const open: string[] = [];
    for (const [, closing, name, rest] of page.matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/g)) {
      if (["meta", "img", "br"].includes(name as string) || rest?.endsWith("/")) continue;
      if (closing === "") open.push(name as string);
      else expect(open.pop()).to.equal(name);
    }
    expect(open).to.deep.equal([]);
  });

  it("tells lost telemetry messages and a final one that did not come", () => {
    const lossy = reportFixture();
    lossy.trainings = lossy.trainings.map((training, at) =>
      at === 0 ? { ...training, telemetry: { lost: 3, complete: false } } : training,
    );
    const cell = (text: string) => /Lost telemetry messages<\/th><td>(.*?)<\/td>/.exec(text)?.[1];
    expect(cell(page)).to.equal("SCPO with anchor 0, DPO 0");
    expect(cell(renderReport(lossy))).to.match(/^SCPO with anchor 3 \(incomplete.*\), DPO 0$/);
  });

  it("draws no rewards, margins or drift of a loss that compares nothing", () => {
    const tuned = reportFixture();
    tuned.trainings = tuned.trainings.map((training) => ({
      ...training,
      steps: training.steps.map((step) => ({ ...step, terms: { sft: 0.5 } })),
    }));
    const compared = [
      "Textual: which text fits the picture",
      "Visual: which picture fits the text",
      "Loss terms",
      "Pairs with a positive margin",
      "Drift: KL",
      "Rewards are β times",
    ];
    const sentence = "This loss compares nothing: there are no rewards, margins or reference to show.";
    const kept = ["Timeline of the curriculum", "Log-probabilities of the texts"];
    const text = renderReport(tuned);
    for (const title of compared) expect(text).not.to.include(title);
    for (const once of [`<p>${sentence}</p>`, ...kept.map((title) => `<figcaption>${title}</figcaption>`)])
      expect(text.split(once)).to.have.length(tuned.trainings.length + 1);
    for (const title of [...compared, ...kept]) expect(page).to.include(title);
    expect(page).not.to.include(sentence);
  });

  it("draws the charts of every loss that compares", () => {
    for (const term of [
      "textual",
      "visual",
      "visual_mirror",
      "textual_mirror",
      "combined",
      "combined_mirror",
      "anchor",
    ]) {
      const other = reportFixture();
      other.trainings = other.trainings.map((training) => ({
        ...training,
        steps: training.steps.map((step) => ({ ...step, terms: { [term]: 0.5 } })),
      }));
      expect(renderReport(other)).to.include("Drift: KL").and.not.to.include("compares nothing");
    }
  });

  it("marks each reference update and each stage once a width", () => {
    const [timeline = ""] = /Timeline of the curriculum.*?<\/figure>/s.exec(page) ?? [];
    expect(timeline.match(/step (40|80): reset to the policy/g)).to.have.length(4);
    expect(timeline.match(/>(easy|medium|hard)</g)).to.have.length(6);
  });

  it("underlines the best figure of a column, and ties", () => {
    const scores = structuredClone(data.result.models.base as NonNullable<(typeof data.result.models)[string]>);
    const worse = structuredClone({ ...scores, metrics: { ...scores.metrics, chair_s: 90, cover: 10 } });
    const tied = reportFixture();
    tied.result.models = { base: scores, scpo: worse };
    const [table = ""] = /<table class="figures scores">.*?<\/table>/s.exec(renderReport(tied)) ?? [];
    // The first row holds five bests; the second ties in the three figures that it did not lose.
    expect(
      table
        .split("</tr>")
        .slice(1, 3)
        .map((row) => row.match(/<strong>/g)?.length),
    ).to.deep.equal([5, 3]);
  });

  it("escapes what models and files say", () => {
    const hostile = '<img src=x onerror="alert(1)">';
    const evil = reportFixture();
    evil.title = hostile;
    evil.firstScenes = evil.firstScenes.map((scene) => ({ ...scene, before: hostile }));
    evil.worstPairs = evil.worstPairs.map((pair) => ({ ...pair, chosen: hostile, prompt: hostile, kind: hostile }));
    evil.labels = { ...evil.labels, scpo: hostile };
    expect(renderReport(evil)).not.to.include("<img src=x");
    expect(renderReport(evil)).to.include("&lt;img src=x");
  });

  it("survives a study that has nothing to show yet", () => {
    const bare: ReportData = {
      ...data,
      result: { ...data.result, models: {}, stages: [], comparisons: undefined },
      firstScenes: [],
      worstScenes: [],
      trainings: [],
      worstPairs: [],
      difficulties: [],
      agreement: undefined,
    };
    expect(withoutPictures(renderReport(bare))).not.to.match(/NaN|Infinity|undefined/);
  });

  it("shows yes/no accuracy by kind of question, where a world asks for more than presence", () => {
    const plain = reportFixture();
    expect(renderReport(plain)).not.to.include("by kind of question");
    const { metrics, interval } = plain.result.models["scpo"] as Scores;
    plain.result.models["scpo"] = {
      metrics: { ...metrics, "count/accuracy": 81.25 },
      interval: { ...interval, "count/accuracy": [79, 83] },
    };
    const text = withoutPictures(renderReport(plain));
    expect(text).to.match(/by kind of question[\s\S]*<th>count<\/th>[\s\S]*81\.3<small>79\.0/);
    expect(text).not.to.include("<th>position</th>");
  });

  it("survives figures that are undefined", () => {
    const silent = reportFixture();
    const figures = ["chair_s", "chair_i", "cover", "hal", "accuracy", "f1", "yes_ratio"];
    const nothing = Object.fromEntries(figures.map((name) => [name, null]));
    silent.result.models["scpo"] = { metrics: nothing, interval: nothing };
    const text = withoutPictures(renderReport(silent));
    expect(text).not.to.match(/NaN|Infinity|undefined|null/);
    expect(text).to.include("<td>–<small>");
  });

  it("survives a run with one step, whose records are not finite", () => {
    const short = reportFixture();
    short.trainings = short.trainings.map((training) => ({
      ...training,
      stages: [{ stage: 0, name: "easy", firstStep: 1, lastStep: 1 }],
      referenceUpdates: [],
      steps: training.steps.slice(0, 1).map((step) => ({ ...step, gradNorm: NaN })),
      records: training.records
        .slice(0, 1)
        .map((record) => ({ ...record, textualMargin: Infinity, rewards: undefined })),
    }));
    expect(withoutPictures(renderReport(short))).not.to.match(/NaN|Infinity|undefined/);
  });

  it("is written whole", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scpo-report-"));
    try {
      await writeReport(join(folder, "report.html"), data);
      expect(readFileSync(join(folder, "report.html"), "utf8")).to.equal(page);
      expect(readdirSync(folder)).to.deep.equal(["report.html"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("headlineSentence", () => {
  it("says more where it is more", () => {
    const data = reportFixture();
    const worse = data.result.comparisons?.["scpo"];
    const chair = worse?.["chair_s"];
    if (worse === undefined || chair === undefined) throw new Error("the fixture compares scpo");
    worse["chair_s"] = { ...chair, reduction: -25, reduction_interval: [-50, -10] };
    expect(headlineSentence(data).replaceAll("\u00a0", " ")).to.include("25.0 % more (95 % interval 10.0–50.0 %)");
  });

  it("claims no change without a comparison", () => {
    const data = reportFixture();
    data.result.comparisons = undefined;
    expect(headlineSentence(data)).not.to.match(/fewer|more/);
  });
});

describe("markedCaption", () => {
  it("marks what is absent and names what was missed", () => {
    const { text } = markedCaption("a dog and a Car.", ["dog", "tree"]);
    expect(text).to.equal(
      'a dog and a <mark class="absent" title="not in the picture">Car</mark>. ' +
        '<span class="missed" title="in the picture, not named">tree</span>',
    );
  });
});

describe("lossOfMargin", () => {
  it("is -log sigmoid, without overflow", () => {
    expect(lossOfMargin(0)).to.be.closeTo(Math.LN2, 1e-15);
    expect(lossOfMargin(1.5)).to.be.closeTo(-Math.log(1 / (1 + Math.exp(-1.5))), 1e-12);
    expect(lossOfMargin(-2)).to.be.closeTo(-Math.log(1 / (1 + Math.exp(2))), 1e-12);
    expect(lossOfMargin(-1000)).to.equal(1000);
    expect(lossOfMargin(1000)).to.be.closeTo(0, 1e-12);
  });
});

describe("renderHeadlineSvg", () => {
  const data = reportFixture();
  const svg = renderHeadlineSvg(data.result, data.labels);

  it("is a picture that other programs can draw", async () => {
    const { format, width, height } = await sharp(Buffer.from(svg)).metadata();
    expect({ format, width, height }).to.deep.equal({ format: "svg", width: 880, height: 282 });
    expect(svg).not.to.match(/var\(|NaN|undefined/);
    expect(svg.match(/https?:[^"]*/g)).to.deep.equal(["http://www.w3.org/2000/svg"]);
    expect(svg).to.include("prefers-color-scheme:dark");
  });

  it("draws bars as long as the figures say", () => {
    const widths = [...svg.matchAll(/class="fill bar"[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));
    const models = Object.values(data.result.models);
    const percents = ["chair_s", "cover"].flatMap((name) => models.map(({ metrics }) => metrics[name]));
    expect(widths).to.have.length(8);
    widths.forEach((width, at) => expect(width / 392).to.be.closeTo((percents[at] as number) / 100, 1e-4));
  });
});
