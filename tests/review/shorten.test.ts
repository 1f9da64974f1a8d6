import { expect } from "chai";
import fc from "fast-check";
import { shortened } from "../../src/review/page/shorten.js";

describe("long texts in the gallery", () => {
  const piece = fc.record({
    text: fc.string({ minLength: 1, maxLength: 900, unit: fc.constantFrom("a", "b", " ", "é", ".") }),
    changed: fc.boolean(),
  });

  it("keep what differs and what stands beside it, and lose nothing when short", () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const after = shortened(pieces);
        expect(after.map(({ changed }) => changed)).to.deep.equal(pieces.map(({ changed }) => changed));
        const long = pieces.reduce((sum, { text }) => sum + text.length, 0) > 360;
        for (const [at, { text, changed }] of after.entries()) {
          const whole = pieces[at]?.text ?? "";
          if (!long || whole.length <= 70) expect(text).to.equal(whole);
          const [start, end] = text === whole ? [whole, ""] : (text.split("…") as [string, string]);
          expect(whole.startsWith(start) && whole.endsWith(end)).to.equal(true);
          expect(text.length).to.be.at.most(changed ? 265 : 361);
          // Before what differs its neighbours stay.
          if (text !== whole && !changed && at < after.length - 1 && pieces.some((each) => each.changed)) {
            expect(end.length).to.be.at.least(50);
          }
        }
      }),
    );
  });
});
