import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../src/errors.js";
import { csvRows } from "../../src/files/csv.js";

const cells = (text: string): string[][] => csvRows(text, "f.csv").map((row) => row.cells);

describe("comma-separated values", () => {
  it("are read as RFC 4180 has them", () => {
    expect(cells('a,b\r\n"1, 2","say ""yes"""\n,\n')).to.deep.equal([
      ["a", "b"],
      ["1, 2", 'say "yes"'],
      ["", ""],
    ]);
    expect(cells("a,b")).to.deep.equal([["a", "b"]]);
    expect(cells("a,")).to.deep.equal([["a", ""]]);
    expect(cells("")).to.deep.equal([]);
    expect(cells("a\n\nb\n")).to.deep.equal([["a"], ["b"]]);
  });

  it("keep the lines that rows begin on", () => {
    expect(csvRows('a\n"b\nc",d\ne', "f.csv").map((row) => row.line)).to.deep.equal([1, 2, 4]);
  });

  it("are refused where a quotation mark is out of place", () => {
    for (const text of ['"a', '"a"b', 'a\n"b\n']) expect(() => cells(text)).to.throw(UserError, "quotation mark");
  });

  it("come back as they were written", () => {
    const written = fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 4 }), { maxLength: 5 });
    fc.assert(
      fc.property(written, (rows) => {
        const text = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")).join("\r\n");
        expect(cells(text)).to.deep.equal(rows);
      }),
    );
  });

  it("reads tabs between cells too", () => {
    expect(csvRows('a\tb\n"x\ty"\t1,2\n\t\n', "t.tsv", "\t")).to.deep.equal([
      { line: 1, cells: ["a", "b"] },
      { line: 2, cells: ["x\ty", "1,2"] },
      { line: 3, cells: ["", ""] },
    ]);
  });
});
