import { expect } from "chai";
import fc from "fast-check";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { PACKAGE_ROOT } from "../../../src/package-root.js";
import { nearDuplicates } from "../../../src/pairs/checking/near-duplicates.js";
import { hashDistance, perceptualHash } from "../../../src/pairs/checking/perceptual-hash.js";

describe("near-duplicates by hash", () => {
  const bits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  /** Hashes of which some are near others. */
  const hashes = fc
    .tuple(
      fc.array(bits, { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(11), fc.array(fc.nat(63), { maxLength: 9 })), { maxLength: 12 }),
    )
    .map(([own, derived]) => [
      ...own,
      ...derived.map(([of, flips]) =>
        flips.reduce((hash, bit) => hash ^ (1n << BigInt(bit)), own[of % own.length] as bigint),
      ),
    ]);

  it("are those that a comparison of all with all finds", () => {
    fc.assert(
      fc.property(hashes, fc.integer({ min: 0, max: 7 }), fc.nat(5), (list, distance, from) => {
        const expected: string[] = [];
        list.forEach((one, first) => {
          list.forEach((other, second) => {
            if (first < second && second >= from && hashDistance(one, other) <= distance) {
              expected.push(`${first} ${second} ${hashDistance(one, other)}`);
            }
          });
        });
        const { found, complete } = nearDuplicates(BigUint64Array.from(list), { distance, from });
        expect(complete).to.equal(true);
        const told = found.map(({ first, second, distance: bit }) => `${first} ${second} ${bit}`);
        expect(told.sort()).to.deep.equal(expected.sort());
      }),
    );
  });

  it("stop at a limit and say so", () => {
    const { found, complete } = nearDuplicates(new BigUint64Array(30), { distance: 2, limit: 10 });
    expect(found).to.have.length(10);
    expect(complete).to.equal(false);
  });

  it("say that a value was too common to compare", () => {
    expect(nearDuplicates(new BigUint64Array(300), { distance: 1 }).complete).to.equal(false);
  });
});

describe("hash of a picture", () => {
  const folder = join(PACKAGE_ROOT, "node_modules", "@lobehub", "fluent-emoji-3d", "assets");
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

  it("stays near through another size and quality, and differs between pictures", async () => {
    const names = (await readdir(folder)).sort().filter((_, at) => at % 20 === 0);
    const hashes = await Promise.all(
      names.slice(0, 30).map(async (name) => {
        const scene = sharp(join(folder, name)).flatten({ background: "#fff" }).resize(400, 300, { fit: "fill" });
        const large = await scene.png().toBuffer();
        const small = await sharp(large).resize(160, 120).jpeg({ quality: 60 }).toBuffer();
        return [await perceptualHash(large), await perceptualHash(small)] as const;
      }),
    );
    expect(median(hashes.map(([large, small]) => hashDistance(large, small)))).to.be.at.most(4);
    const others = hashes.slice(1).map(([large], at) => hashDistance(large, hashes[at]?.[0] ?? 0n));
    expect(median(others)).to.be.at.least(12);
  });

  it("fails for what is no picture", async () => {
    let failed = false;
    await perceptualHash(Buffer.from("nothing")).catch(() => (failed = true));
    expect(failed).to.equal(true);
  });
});
