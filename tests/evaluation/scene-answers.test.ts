import { expect } from "chai";
import { answerScenes, type SceneTruth } from "../../src/evaluation/scene-answers.js";
import type { GenerateResponse, TrainerServiceClient } from "../../src/generated/scpo/v1/trainer.js";
import { failure } from "../fixtures/rejection.js";

const SCENES: SceneTruth[] = [
  { id: "a", objects: ["dog"], questions: ["q1", "q2"], answers: ["Yes.", "No."] },
  { id: "b", objects: ["car"], questions: [], answers: [] },
  { id: "c", objects: ["cat"], questions: ["q3"], answers: ["No."] },
];
const file = { scenesPath: "/data/test.parquet", sha256: "00", scenes: SCENES };

type Request = Parameters<TrainerServiceClient["generate"]>[0];

/** Answers every prompt with its row and text, last prompt first, two a message. */
function echo(requests: Request[], change: (responses: GenerateResponse[]) => GenerateResponse[] = (all) => all) {
  return {
    async *generate(request: Request): AsyncIterable<GenerateResponse> {
      requests.push(request);
      await Promise.resolve();
      const answers = (request.prompts ?? []).map(({ row, text }, prompt) => ({ prompt, text: `${row}:${text}` }));
      const responses: GenerateResponse[] = [];
      for (let end = answers.length; end > 0; end -= 2) {
        responses.push({ answers: answers.slice(Math.max(0, end - 2), end), done: 0, total: answers.length });
      }
      yield* change(responses);
    },
  };
}

const messageOf = async (promise: Promise<unknown>): Promise<string> => (await failure(promise)).message;

describe("answerScenes", () => {
  it("puts captions and answers back at their scenes", async () => {
    const requests: Request[] = [];
    const progress: [number, number][] = [];
    const answers = await answerScenes(echo(requests), file, {
      batchSize: 32,
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(answers).to.deep.equal([
      { caption: "0:Describe the picture.", answers: ["0:q1", "0:q2"] },
      { caption: "1:Describe the picture.", answers: [] },
      { caption: "2:Describe the picture.", answers: ["2:q3"] },
    ]);
    expect(requests.map(({ maxNewTokens }) => maxNewTokens)).to.deep.equal([24, 4]);
    expect(requests[0]).to.deep.include({ imageColumn: "image", batchSize: 32 });
    expect(requests[0]?.dataset).to.deep.equal({ path: "/data/test.parquet", sha256: "00" });
    expect(progress).to.deep.equal([
      [2, 6],
      [3, 6],
      [5, 6],
      [6, 6],
    ]);
  });

  it("does not accept a missing, a double or a foreign answer", async () => {
    expect(
      await messageOf(
        answerScenes(
          echo([], (all) => all.slice(1)),
          file,
        ),
      ),
    ).to.include("unanswered");
    expect(
      await messageOf(
        answerScenes(
          echo([], (all) => [...all, ...all]),
          file,
        ),
      ),
    ).to.include("twice");
    const foreign = [{ answers: [{ prompt: 99, text: "" }], done: 1, total: 1 }];
    expect(
      await messageOf(
        answerScenes(
          echo([], () => foreign),
          file,
        ),
      ),
    ).to.include("prompt 99");
  });
});
