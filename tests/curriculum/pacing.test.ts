import { expect } from "chai";
import fc from "fast-check";
import { competence, pace } from "../../src/curriculum/pacing.js";
import { UserError } from "../../src/errors.js";

const settings = fc.record({
  start: fc.double({ min: 0.01, max: 1, noNaN: true }),
  power: fc.double({ min: 1, max: 5, noNaN: true }),
  length: fc.double({ min: 0.05, max: 1, noNaN: true }),
  epochs: fc.integer({ min: 1, max: 3 }),
  stages: fc.integer({ min: 1, max: 3 }),
});

describe("pacing", () => {
  it("has the values of the published formulas", () => {
    // Linear: t (1 - c0) / T + c0. Square root: sqrt(t (1 - c0^2) / T + c0^2). Platanios et al. 2019, equations 5 and 7.
    expect(competence(0.5, 0.2, 1)).to.be.closeTo(0.6, 1e-12);
    expect(competence(0.5, 0.1, 2)).to.be.closeTo(Math.sqrt(0.505), 1e-12);
    expect(competence(0.25, 0.01, 2)).to.be.closeTo(Math.sqrt(0.25 * (1 - 0.0001) + 0.0001), 1e-12);
  });

  it("rises from the start to all, a larger root faster at first", () => {
    fc.assert(
      fc.property(settings, fc.double({ min: 0, max: 0.99, noNaN: true }), ({ start, power }, time) => {
        expect(competence(0, start, power)).to.be.closeTo(start, 1e-9);
        expect(competence(1, start, power)).to.equal(1);
        expect(competence(2, start, power)).to.equal(1);
        expect(competence(time + 0.01, start, power)).to.be.at.least(competence(time, start, power) - 1e-12);
        expect(competence(time, start, power)).to.be.at.least(competence(time, start, 1) - 1e-9);
      }),
    );
  });

  it("lays out all steps over the stages and never opens less than a batch, nor less than before", () => {
    fc.assert(
      fc.property(
        settings,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 9 }),
        (chosen, pairs, batch) => {
          const total = Math.ceil((chosen.epochs * pairs) / batch);
          fc.pre(total >= chosen.stages);
          const { steps, open } = pace(chosen, pairs, batch);
          expect(steps).to.have.length(chosen.stages);
          expect(steps.reduce((sum, count) => sum + count, 0)).to.equal(total);
          expect(Math.max(...steps) - Math.min(...steps)).to.be.at.most(1);
          let before = 0;
          for (let step = 0; step < total; step += 1) {
            expect(open(step)).to.be.within(Math.max(before, Math.min(batch, pairs)), pairs);
            before = open(step);
          }
          expect(open(Math.ceil(Math.max(1, chosen.length * total)))).to.equal(pairs);
        },
      ),
    );
  });

  it("wants a step or more a stage", () => {
    const chosen = { start: 1, power: 1, length: 1, epochs: 1, stages: 3 };
    expect(() => pace(chosen, 4, 2)).to.throw(UserError, "curriculum.stages: found 3 stages for 2 optimiser steps");
  });
});
