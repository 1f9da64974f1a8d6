import { expect } from "chai";
import type { SceneScores } from "../../src/evaluation/scene-scores.js";
import type { ReportData } from "../../src/report/report-data.js";
import { renderReport } from "../../src/report/report.js";
import { caveats } from "../../src/report/sections/caveats.js";
import { reportFixture } from "./fixture.js";

/** The fixture with each model's scores changed. */
function reportOf(change: (scores: SceneScores, model: string) => Partial<SceneScores>): ReportData {
  const data = reportFixture();
  data.result.models = Object.fromEntries(
    Object.entries(data.result.models).map(([model, scores]) => [model, { ...scores, ...change(scores, model) }]),
  );
  return data;
}

const said = (data: ReportData): string => caveats(data).replaceAll("\u00a0", " ");
const shares: Record<string, number> = { base: 0.875, sft: 0.066, dpo: 0.275, scpo: 0.105 };

describe("caveats", () => {
  it("name the model that hallucinates less than the one that the page is about", () => {
    const data = reportOf((_, model) => ({ chair_s: shares[model] ?? null, cover: 0.95 }));
    expect(said(data)).to.equal("It is not the best: fine-tuning on the true texts does so in 6.6 % and names 95.0 %.");
    expect(renderReport(data)).to.include("It is not the best");
  });

  it("are silent where there is nothing to say", () => {
    expect(said(reportOf((_, model) => ({ chair_s: model === "scpo" ? 0.05 : 0.3 })))).to.equal("");
  });

  it("name the kind of question that is answered worst against before, where chance does not explain it", () => {
    const kinds = (model: string, high: number): Partial<SceneScores> => ({
      chair_s: model === "scpo" ? 0 : 0.5,
      by_kind: {
        count: { questions: 100, accuracy: model === "scpo" ? 0.85 : 0.87, interval: [0.8, 0.89] },
        attribute: { questions: 100, accuracy: model === "scpo" ? 0.871 : 0.948, interval: [0.82, high] },
      },
    });
    expect(said(reportOf((_, model) => kinds(model, 0.9)))).to.equal(
      "Right answers about colours fall from 94.8 to 87.1 %.",
    );
    expect(said(reportOf((_, model) => kinds(model, 0.95)))).to.equal("");
  });

  it("tell malformed captions, and the page counts them", () => {
    const data = reportOf((_, model) => ({
      chair_s: model === "scpo" ? 0 : 0.5,
      fluency: { captions: 2000, foreign: model === "scpo" ? 35 : 2, repeating: 100, words: 16000 },
    }));
    expect(said(data)).to.equal(
      "Of its 2000 captions 35 hold a word that no true caption has, such as two run together; before training 2.",
    );
    expect(renderReport(data)).to.include("<td>1.8</td><td>5.0</td><td>8.0</td>");
  });
});
