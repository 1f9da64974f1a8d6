import { expect } from "chai";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { seedInterval } from "../../src/study/seed-interval.js";

/** Values of which the unbiased variance is this; their mean is 0. */
const spread = (variance: number): number[] => [-Math.sqrt(variance / 2), Math.sqrt(variance / 2)];

describe("seedInterval", () => {
  const close = (interval: [number, number] | null, low: number, high: number) => {
    expect(interval?.[0]).to.be.closeTo(low, 1e-6);
    expect(interval?.[1]).to.be.closeTo(high, 1e-6);
  };

  it("is the t interval over seeds where scenes do not vary", () => {
    // Mean 10; variance (4 + 0 + 4) / 2 = 4; standard error sqrt(4 / 3); t(0.975, 2) = 4.302653 from tables.
    const half = 4.3026527 * Math.sqrt(4 / 3);
    close(seedInterval({ value: 10, bySeed: [8, 10, 12], draws: [10, 10], scenes: 2000 }), 10 - half, 10 + half);
  });

  it("is the interval over scenes where there is one seed", () => {
    // 120 degrees of freedom: t(0.975, 120) = 1.979930 from tables.
    const half = 1.9799304 * 0.3;
    close(seedInterval({ value: 0.5, bySeed: [0.5], draws: spread(0.09), scenes: 121 }), 0.5 - half, 0.5 + half);
  });

  it("adds both variances, with Satterthwaite's degrees of freedom", () => {
    // Over seeds variance 1 of three values, 1/3 of their mean; over scenes 1/3, with as many degrees of freedom, 2. The
    // sum is 2/3 with (2/3)^2 / (2 * (1/3)^2 / 2) = 4 degrees of freedom; t(0.975, 4) = 2.776445 from tables.
    const half = 2.7764451 * Math.sqrt(2 / 3);
    close(seedInterval({ value: 2, bySeed: [1, 2, 3], draws: spread(1 / 3), scenes: 3 }), 2 - half, 2 + half);
  });

  it("is wider than over scenes alone where seeds differ", () => {
    const [draws, scenes] = [spread(1e-4), 2000];
    const [alone] = seedInterval({ value: 0.1, bySeed: [0.1], draws, scenes }) as [number, number];
    const [low] = seedInterval({ value: 0.1, bySeed: [0.09, 0.12, 0.09], draws, scenes }) as [number, number];
    expect(low).to.be.below(alone);
  });

  it("is there in plain Node too, which reads packages otherwise than the tests do", async () => {
    const built = join(PACKAGE_ROOT, "dist", "study", "seed-interval.js");
    const program = `const { seedInterval } = await import(process.argv[1]);
      console.log(seedInterval({ value: 2, bySeed: [1, 2, 3], draws: [2, 2], scenes: 3 })[0].toFixed(4))`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, built]);
    // 2 - 4.302653 / sqrt(3).
    expect(stdout).to.equal("-0.4841\n");
  });

  it("is undefined with the figure, and a point where nothing varies", () => {
    expect(seedInterval({ value: null, bySeed: [null], draws: [null, null], scenes: 5 })).to.equal(null);
    expect(seedInterval({ value: 1, bySeed: [], draws: [1, 1], scenes: 5 })).to.equal(null);
    expect(seedInterval({ value: 1, bySeed: [1, 1, 1], draws: [1, 1], scenes: 5 })).to.deep.equal([1, 1]);
  });
});
