import { expect } from "chai";
import fc from "fast-check";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { UserError } from "../../src/errors.js";
import {
  type FileRow,
  field,
  idField,
  readJsonArray,
  readJsonFile,
  readJsonLines,
  readTextLines,
  SeenIds,
  shownApart,
  textField,
} from "../../src/files/rows.js";
import { jsonErrorPosition } from "../../src/files/json-position.js";

describe("answer files", () => {
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-answers-"));
    path = join(folder, "answers");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function values(read: (path: string) => AsyncGenerator<FileRow>, content: string | Uint8Array) {
    await writeFile(path, content);
    const rows: FileRow[] = [];
    for await (const row of read(path)) rows.push(row);
    return rows.map(({ line, value }) => [line, value]);
  }

  async function complaint(action: () => Promise<unknown>): Promise<string> {
    const error = await action().then(
      () => expect.fail("nothing was wrong"),
      (cause: unknown) => cause,
    );
    expect(error).to.be.instanceOf(UserError);
    const { message } = error as UserError;
    expect(message).not.to.include("\n");
    return message.replaceAll(path, "F");
  }

  it("reads JSON lines past blank lines, a byte order mark, foreign line ends and a missing last line end", async () => {
    expect(await values(readJsonLines, '\uFEFF{"a":1}\r\n\n  \n[2]\n"ü"')).to.deep.equal([
      [1, { a: 1 }],
      [4, [2]],
      [5, "ü"],
    ]);
    expect(await values(readJsonLines, "")).to.deep.equal([]);
  });

  it("reads what was written, however the pieces fall", async () => {
    // 300 kB: more than one piece of a stream.
    const awkward = `é]},{[\\"`.repeat(8);
    const rows = Array.from({ length: 3000 }, (_, id) => ({ id, text: `${awkward}${id}` }));
    const expected = rows.map((row, at) => [at + 1, row]);
    expect(await values(readJsonLines, rows.map((row) => JSON.stringify(row)).join("\n"))).to.deep.equal(expected);
    expect(await values(readJsonArray, JSON.stringify(rows))).to.deep.equal(expected);
    expect(await values(readJsonArray, `\uFEFF${JSON.stringify(rows, null, 2)}\n`)).to.deep.equal(expected);
  });

  it("reads any JSON array", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 5 }), async (rows) => {
        const text = JSON.stringify(rows);
        const parsed = JSON.parse(text) as unknown[];
        expect(await values(readJsonArray, text)).to.deep.equal(parsed.map((value, at) => [at + 1, value]));
      }),
      { numRuns: 60 },
    );
  });

  it("reads text lines as they are", async () => {
    expect(await values(readTextLines, "a\tb \r\n\nc")).to.deep.equal([
      [1, "a\tb "],
      [2, ""],
      [3, "c"],
    ]);
  });

  it("shows two long texts around the place at which they part", () => {
    expect(shownApart("Is there a dog?", "Is there a cat?")).to.deep.equal(['"Is there a dog?"', '"Is there a cat?"']);
    const start = "Consider the picture with all that is to be seen in it, near and far: ";
    expect(shownApart(`${start}is it a dog?`, `${start}is it a cat?`)).to.deep.equal([
      '"...ar and far: is it a dog?"',
      '"...ar and far: is it a cat?"',
    ]);
    expect(shownApart(start, start)[0]).to.match(/^"\.\.\./);
  });

  it("names the line or the element that is wrong", async () => {
    const lines = (content: string | Uint8Array) => complaint(() => values(readJsonLines, content));
    const array = (content: string | Uint8Array) => complaint(() => values(readJsonArray, content));
    expect(await lines('{"a":1}\n{"a":}\n')).to.match(
      /^F line 2: is not JSON from character 6 on \(found "\{\\"a\\":\}"\)/,
    );
    expect(await lines(Uint8Array.of(0x31, 0x0a, 0x22, 0xe9, 0x22))).to.match(
      /^F line 2: holds bytes that are not UTF-8/,
    );
    expect(await lines(Uint8Array.of(0xff, 0xfe, 0x31, 0x00))).to.match(/^F line 1: is UTF-16/);
    for (const [bytes, message] of [
      [gzipSync("{}"), /^F line 1: is compressed with gzip, expected text; unpack it with gunzip/],
      [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x04), /^F line 1: is compressed with zstd/],
      [Uint8Array.of(0x50, 0x4b, 0x03, 0x04, 0xff), /^F line 1: is a zip archive or an Excel file, .* \.tsv/],
    ] as const) {
      expect(await lines(bytes)).to.match(message);
    }
    expect(await array("[1, 2 3]")).to.match(/^F element 2: is not JSON from character 4 on/);
    expect(await array("[1,]")).to.match(/^F element 2: is not JSON .*found nothing/);
    expect(await array("[1, 2")).to.match(/^F element 2: the file ends/);
    expect(await array("[1] 2")).to.match(/^F: has more after/);
    expect(await array('{"a": 1}')).to.match(/^F: expected a JSON array.*found a JSON object/);
    expect(await array("")).to.match(/^F: is empty/);
    await rm(path, { force: true });
    expect(await complaint(() => readJsonLines(path).next())).to.match(/^F: no such file/);
    expect(await complaint(() => readJsonFile(path))).to.match(/^F: no such file/);
    expect(await complaint(() => readJsonFile(folder))).to.match(/is a folder/);
  });

  it("reads a whole JSON file or names line and column", async () => {
    await writeFile(path, '\uFEFF{"a": [1]}');
    expect(await readJsonFile(path)).to.deep.equal({ a: [1] });
    await writeFile(path, '{\n "a": tru\n}');
    expect(await complaint(() => readJsonFile(path))).to.match(/^F line 2: is not JSON from column 7 on/);
    await writeFile(path, " \n");
    expect(await complaint(() => readJsonFile(path))).to.match(/^F: is empty/);
    await truncate(path, 2 ** 40);
    expect(await complaint(() => readJsonFile(path))).to.match(/^F: has more than 256 MiB, expected a smaller file/);
  });

  it("finds the place where JSON ends", () => {
    const at = (text: string) => {
      const { line, column } = jsonErrorPosition(text);
      return [line, column];
    };
    expect(at('{"a":1,}')).to.deep.equal([1, 8]);
    expect(at("[1,\n2,\n]")).to.deep.equal([3, 1]);
    expect(at("[1")).to.deep.equal([1, 3]);
    expect(at("{} {}")).to.deep.equal([1, 4]);
    expect(at("[1}")).to.deep.equal([1, 3]);
    expect(at("01")).to.deep.equal([1, 2]);
    expect(at("NaN")).to.deep.equal([1, 1]);
    expect(at('["\\x"]')).to.deep.equal([1, 2]);
  });

  it("finds nothing wrong with what is JSON", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(jsonErrorPosition(text).column).to.equal(text.length + 1);
      }),
    );
  });

  it("takes fields, or says what it found and what it expected", async () => {
    const row = (value: unknown): FileRow => ({ file: "F", line: 3, value });
    expect(idField(row({ id: 7 }), "id")).to.equal("7");
    expect(idField(row({ id: "7" }), "id")).to.equal("7");
    expect(textField(row({ text: "" }), "text")).to.equal("");
    const wrong = (action: () => unknown) =>
      complaint(async () => {
        await Promise.resolve();
        action();
      });
    expect(await wrong(() => field(row([1]), "id"))).to.match(
      /^F line 3: found \[1\], expected an object with field id/,
    );
    expect(await wrong(() => field(row({ a: 1 }), "id"))).to.match(/^F line 3: field id is missing.*\(a\)/);
    expect(await wrong(() => field(row({}), "toString"))).to.match(/field toString is missing/);
    expect(await wrong(() => idField(row({ id: 1.5 }), "id"))).to.match(
      /field id is 1.5, expected a whole number or text/,
    );
    expect(await wrong(() => textField(row({ text: null }), "text"))).to.match(/field text is null, expected text/);
    expect(await wrong(() => textField(row({ text: ["x".repeat(500)] }), "text"))).to.have.lengthOf.below(140);
    const seen = new SeenIds("id");
    seen.add(row({}), "7");
    expect(await wrong(() => seen.add({ ...row({}), line: 9, counted: "element" }, "7"))).to.match(
      /^F element 9: field id is "7" again, first on element 3/,
    );
  });
});
