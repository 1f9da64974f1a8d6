import { expect } from "chai";
import type { Command } from "commander";
import { wholeNumber } from "../../src/cli/option-values.js";
import { scpoProgram } from "../../src/cli/program.js";

describe("whole numbers of options", () => {
  it("are read inside their range, and refused outside of it, by name", () => {
    expect([wholeNumber(0)("0"), wholeNumber(1)("250"), wholeNumber(0, 7)("7")]).to.deep.equal([0, 250, 7]);
    for (const wrong of ["", " ", "1.5", "8", "-1", "many", "Infinity"]) {
      expect(() => wholeNumber(0, 7)(wrong)).to.throw(`found ${wrong}, expected a whole number from 0 to 7`);
    }
    for (const wrong of ["", "0", "9007199254740993", "Infinity"]) {
      expect(() => wholeNumber(1)(wrong)).to.throw(`found ${wrong}, expected a whole number of 1 or more`);
    }
  });

  it("have no option that takes nothing for zero", () => {
    const number = /<(?:number|images|pairs|pixels|bits|tokens)>/;
    let read = 0;
    const visit = (command: Command): void => {
      for (const { flags, parseArg } of command.options) {
        if (parseArg === undefined || !number.test(flags)) continue;
        read += 1;
        expect(() => parseArg("", undefined), `${command.name()} ${flags}`).to.throw(/^found /);
      }
      command.commands.forEach(visit);
    };
    visit(scpoProgram(new AbortController().signal));
    expect(read).to.be.greaterThan(20);
  });
});
