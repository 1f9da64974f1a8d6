import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { METHODS } from "../../src/study/method.js";
import { readRecipe } from "../../src/study/recipe.js";
import { withHeadlineTable } from "../../src/study/study-documents.js";

const read = (...path: string[]): string => readFileSync(join(PACKAGE_ROOT, ...path), "utf8");
/** Cells of every row of a page's tables. */
const rowsOf = (page: string): string[][] =>
  [...page.matchAll(/^\|(.*)\|$/gm)].map(([, row = ""]) => row.split("|").map((cell) => cell.trim()));

describe("what the documents say of the study", () => {
  const page = read("docs", "results", "study.md");
  const rows = rowsOf(page);

  it("is the same in README's table", () => {
    const [, written = ""] = /written by npm run study -->(.*)<!-- end/s.exec(read("README.md")) ?? [];
    const table = rowsOf(written).slice(2);
    expect(table).to.have.length(METHODS.length + 1);
    for (const [title, chair, cover = "", yesNo = ""] of table) {
      const found = rows.find(([name, figure]) => name?.startsWith(`${title} (`) && figure === chair);
      expect(found, `${title}: CHAIRs ${chair}`).not.to.equal(undefined);
      expect(found?.[3], title).to.match(new RegExp(`^${cover}( |$)`));
      expect(found?.[5], title).to.match(new RegExp(`^${yesNo}( |$)`));
    }
  });

  it("is what the demonstration trains with", async () => {
    const { learning_rates } = await readRecipe();
    const chosen = rows.flatMap(([method = "", rate, ...rest]) =>
      rest.at(-1) === "yes" && method in learning_rates ? [[method, Number(rate)]] : [],
    );
    expect(Object.fromEntries(chosen)).to.deep.equal(learning_rates);
  });
});

describe("withHeadlineTable", () => {
  const [begin, end] = ["<!-- written by npm run study -->", "<!-- end of what npm run study writes -->"];

  it("puts the table between the marks and nothing elsewhere, however often", () => {
    const once = withHeadlineTable(`before\n${begin}\nold\n${end}\nafter`, "| a |");
    expect(once).to.equal(`before\n${begin}\n\n| a |\n\n${end}\nafter`);
    expect(withHeadlineTable(once, "| a |")).to.equal(once);
  });

  it("says what a page lacks", () => {
    for (const lacking of ["", begin, `${end}\n${begin}`])
      expect(() => withHeadlineTable(lacking, "")).to.throw(UserError, "README.md: found no place");
  });
});
