import { expect } from "chai";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { Tokens } from "../../src/service/tokens.js";

describe("tokens of the service", () => {
  let folder: string;
  let path: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-tokens-"));
    path = join(folder, "tokens");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const alice = "a".repeat(32);
  const own = "b".repeat(40);
  const write = (text: string) => {
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode: 0o600 });
  };

  it("tells whose token it is", () => {
    write(`# people\n\nalice:${alice}\n${own}\n`);
    const tokens = Tokens.read(path);
    expect(tokens.ownerOf(`Bearer ${alice}`)).to.equal("alice");
    expect(tokens.ownerOf(`bearer ${own}`)).to.equal("local");
  });

  it("knows no other token", () => {
    write(`alice:${alice}\n`);
    const tokens = Tokens.read(path);
    for (const header of [undefined, "", "Bearer ", alice, `Basic ${alice}`, `Bearer ${alice}a`, "Bearer alice"]) {
      expect(tokens.ownerOf(header)).to.equal(undefined);
    }
    fc.assert(fc.property(fc.string(), (text) => tokens.ownerOf(text) === undefined || text === `Bearer ${alice}`));
  });

  for (const [what, text, message] of [
    ["an empty file", "\n# nobody\n", /holds no token/],
    ["a short token", "alice:secret\n", /line 1: expected owner:token, the token 32 or more/],
    ["an owner that can name no folder", `../bob:${alice}\n`, /line 1: expected an owner of 1 to 36/],
    ["a token twice", `alice:${alice}\nbob:${alice}\n`, /line 2: found a token twice/],
  ] as const) {
    it(`refuses ${what}`, () => {
      write(text);
      expect(() => Tokens.read(path)).to.throw(UserError, message);
    });
  }

  it("refuses a file that others may read", () => {
    rmSync(path, { force: true });
    writeFileSync(path, alice, { mode: 0o644 });
    expect(() => Tokens.read(path)).to.throw(UserError, /mode 0600/);
  });
});
