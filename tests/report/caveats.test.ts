import { expect } from "chai";
import type { Scores } from "../../src/evaluation/eval-result.js";
import type { ReportData } from "../../src/report/report-data.js";
import { renderReport } from "../../src/report/report.js";
import { caveats } from "../../src/report/sections/caveats.js";
import { reportFixture } from "./fixture.js";

/** The fixture with some of each model's figures changed. */
function reportOf(change: (model: string) => Partial<Scores>): ReportData {
  const data = reportFixture();
  data.result.models = Object.fromEntries(
    Object.entries(data.result.models).map(([model, { metrics, interval }]) => {
      const changed = change(model);
      return [model, { metrics: { ...metrics, ...changed.metrics }, interval: { ...interval, ...changed.interval } }];
    }),
  );
  return data;
}

const said = (data: ReportData): string => caveats(data).replaceAll("\u00a0", " ");
const shares: Record<string, number> = { base: 87.5, sft: 6.6, dpo: 27.5, scpo: 10.5 };

describe("caveats", () => {
  it("name the model that hallucinates less than the one that the page is about", () => {
    const data = reportOf((model) => ({ metrics: { chair_s: shares[model] ?? null, cover: 95 } }));
    expect(said(data)).to.equal("It is not the best: fine-tuning on the true texts does so in 6.6 % and names 95.0 %.");
    expect(renderReport(data)).to.include("It is not the best");
  });

  it("are silent where there is nothing to say", () => {
    expect(said(reportOf((model) => ({ metrics: { chair_s: model === "scpo" ? 5 : 30, foreign: 0 } })))).to.equal("");
  });

  it("name the kind of question that is answered worst against before, where chance does not explain it", () => {
    const kinds = (model: string, high: number): Partial<Scores> => ({
      metrics: {
        chair_s: model === "scpo" ? 0 : 50,
        foreign: 0,
        "count/accuracy": model === "scpo" ? 85 : 87,
        "attribute/accuracy": model === "scpo" ? 87.1 : 94.8,
      },
      interval: { "count/accuracy": [80, 89], "attribute/accuracy": [82, high] },
    });
    expect(said(reportOf((model) => kinds(model, 90)))).to.equal(
      "Right answers about colours fall from 94.8 to 87.1 %.",
    );
    expect(said(reportOf((model) => kinds(model, 95)))).to.equal("");
  });

  it("tell malformed captions, and the page counts them", () => {
    const data = reportOf((model) => ({
      metrics: { chair_s: model === "scpo" ? 0 : 50, foreign: model === "scpo" ? 1.75 : 0.1, repeating: 5, words: 8 },
    }));
    expect(said(data)).to.equal(
      "1.8 % of its captions hold a word that no true caption has, such as two run together; before training 0.1 %.",
    );
    expect(renderReport(data)).to.include("<td>1.8</td><td>5.0</td><td>8.0</td>");
  });
});
