import { expect } from "chai";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import sharp from "sharp";
import { openChatModel } from "../../../src/chat/chat-model.js";
import { chatUrl } from "../../../src/chat/http.js";
import { UserError } from "../../../src/errors.js";
import { checkPairs } from "../../../src/pairs/checking/check-pairs.js";
import { completeFiles, completePairs, type CompleteRequest } from "../../../src/pairs/making/complete-pairs.js";
import { EditingCommand } from "../../../src/pairs/making/editing-command.js";
import { Embeddings } from "../../../src/pairs/making/embeddings.js";
import { TextWriter } from "../../../src/pairs/making/text-writer.js";
import { WRITER } from "../../../src/pairs/making/endpoint-names.js";
import type { PairRow } from "../../../src/pairs/pair-row.js";
import { streamPairRows, writePairRows } from "../../../src/pairs/pair-rows.js";
import { judgeServer, type JudgeServer } from "../../evaluation/judge-server.js";
import { bareRow } from "../bare-row.js";
import { readSentence, sceneSentence } from "./scene-sentences.js";

const COUNT = 400;
/** Bytes of the smallest thing that looks like a picture. */
const ONE = Buffer.from("89504e470d0a1a0a49454e44ae426082", "hex");

/** A small picture, another for every number. */
function pictureOf(number: number): Promise<Buffer> {
  const background = { r: number & 255, g: (number >> 8) & 255, b: 99 };
  return sharp({ create: { width: 16, height: 16, channels: 3, background } })
    .png()
    .toBuffer();
}

async function rowOf(index: number, parts: Partial<PairRow> = {}): Promise<PairRow> {
  const { text, counts, colours } = sceneSentence(7, index);
  return bareRow({
    id: `row-${index}`,
    images: [await pictureOf(index)],
    chosen: text,
    objects: [...counts.keys()],
    annotations: [...counts].flatMap(([object, count]) =>
      Array.from({ length: count }, () => {
        const colour = colours.get(object);
        const box = [0, 0, 0.5, 0.5] as const;
        return { object, box, ...(colour === undefined ? {} : { attributes: [colour] }) };
      }),
    ),
    ...parts,
  });
}

async function all(path: string): Promise<PairRow[]> {
  const rows: PairRow[] = [];
  for await (const row of streamPairRows(path)) rows.push(row);
  return rows;
}

describe("completing pairs", function () {
  this.timeout(60_000);
  let folder: string;
  let source: string;
  let server: JudgeServer | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-complete-"));
    source = join(folder, "source.parquet");
    await writePairRows(source, await Promise.all(Array.from({ length: COUNT }, (_, index) => rowOf(index))));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  const request = (out: string, parts: Partial<CompleteRequest> = {}): CompleteRequest => ({
    source,
    out: join(folder, out),
    seed: 1,
    ways: ["retrieval"],
    band: [-1, 1],
    ...parts,
  });

  it("sweeps what a killed call left beside its file, and nothing else", async () => {
    const own = await mkdtemp(join(folder, "swept-"));
    const [source, out] = [join(own, "source.parquet"), join(own, "swept.parquet")];
    await writePairRows(source, await Promise.all([1, 2, 3].map((index) => rowOf(index))));
    const uuid = "01234567-89ab-4cde-8f01-23456789abcd";
    const left = [`${out}.${uuid}.pictures`, `${out}.${uuid}.tmp`, `${out}.quarantine.jsonl.${uuid}.tmp`];
    const kept = [`${out}.pictures`, `${out}.mine.pictures`, `${out}.log`, join(own, `other.parquet.${uuid}.pictures`)];
    for (const path of [...left, ...kept]) await writeFile(path, path);
    await completePairs({ source, out, seed: 1, ways: [], band: [-1, 1] });
    expect(left.filter((path) => existsSync(path))).to.deep.equal([]);
    for (const path of kept) expect(await readFile(path, "utf8")).to.equal(path);
  });

  it("retrieves pictures of which the rejected text is true in the share that it reports", async () => {
    const { out, ...rest } = request("retrieved.parquet");
    const summary = await completePairs({ out, ...rest });
    const rows = await all(out);
    expect(summary.read).to.equal(COUNT);
    expect(summary.written + summary.quarantined).to.equal(COUNT);
    expect(rows.length).to.equal(summary.written);
    expect(summary.written).to.be.greaterThan(0.9 * COUNT);
    const scenes = new Map(Array.from({ length: COUNT }, (_, at) => [`row-${at}`, sceneSentence(7, at)]));
    const byPicture = new Map<string, string>();
    for (let at = 0; at < COUNT; at++) byPicture.set((await pictureOf(at)).toString("base64"), `row-${at}`);
    const truths = new Map<string, { made: number; yes: number }>();
    for (const row of rows) {
      const other = byPicture.get(Buffer.from(row.rejectedImages?.[0] ?? []).toString("base64"));
      expect(other).to.be.a("string").and.not.equal(row.id);
      const shown = scenes.get(other as string);
      const told = readSentence(row.rejected as string);
      const changedCount = row.kind === "count";
      // "a dog" asks for one at least, except where its number is the fact.
      const isTrue = [...told.counts].every(([name, count]) => {
        const there = shown?.counts.get(name) ?? 0;
        return count === 0
          ? there === 0
          : count > 1 || (changedCount && row.rejectedWord?.endsWith(name))
            ? there === count
            : there > 0;
      });
      const sentence = readSentence(shown?.text ?? "");
      const isWholeTrue =
        isTrue &&
        [...told.colours].every(
          ([name, colour]) => told.counts.get(name) === 0 || shown?.colours.get(name) === colour,
        ) &&
        // What is not there stands nowhere.
        ([...told.counts.values()].includes(0) ||
          told.relations.every(([relation, to]) =>
            sentence.relations.some((other) => other.join() === `${relation},${to}`),
          ));
      if (row.rejectedTrue !== null) {
        expect(isWholeTrue, `${row.rejected} of a picture of: ${shown?.text}`).to.equal(row.rejectedTrue);
        expect(row.rejectedTrueBy).to.equal("annotation");
      }
      const truth = truths.get(row.kind as string) ?? { made: 0, yes: 0 };
      truth.made += 1;
      if (isWholeTrue) truth.yes += 1;
      truths.set(row.kind as string, truth);
      if (row.kind === "object") {
        const said = readSentence(row.chosen).counts;
        const come = [...told.counts.keys()].find((name) => !said.has(name));
        expect(shown?.counts.has(come as string), row.rejected ?? "").to.equal(true);
        expect(row.rejectedObjects).to.include(come);
        const gone = [...said.keys()].find((name) => !told.counts.has(name));
        expect(shown?.counts.has(gone as string)).to.equal(false);
      }
    }
    for (const [kind, { made, yes }] of truths) {
      const counts = summary.pictures[`retrieval/${kind}`];
      expect(counts?.made, kind).to.equal(made);
      expect(counts?.true, kind).to.be.at.most(yes);
      expect(counts?.false, kind).to.be.at.most(made - yes);
    }
    // What complete has made is one fact, and check says no other.
    const { findings } = await checkPairs(out);
    expect(findings.filter(({ check }) => check === "facts" || check === "no-word")).to.deep.equal([]);
    const known = summary.pictures["retrieval"];
    expect(known?.true).to.be.greaterThan(COUNT / 20);
  });

  it("says false of a retrieved picture that lacks what the text names, and nothing where annotations do not tell", async () => {
    const set = join(folder, "truth.parquet");
    const dog = { object: "dog", attributes: ["brown"] };
    const row = async (at: number, chosen: string, annotations: PairRow["annotations"], rejected?: string) =>
      rowOf(at, {
        ...{ id: `at-${at}`, chosen, annotations, objects: null },
        ...(rejected === undefined ? { rejectedImages: [await pictureOf(1000 + at)], rejected: "x" } : { rejected }),
        kind: "object",
      });
    await writePairRows(set, [
      await row(0, "A cat and a car.", [{ object: "cat" }, { object: "car" }], "A dog and a car."),
      await row(1, "A key.", [{ object: "key" }], "A dog."),
      await row(2, "A key sleeps.", [{ object: "key" }], "A dog sleeps."),
      await row(3, "A dog.", [dog]),
      await row(4, "Two robots.", [{ object: "robot" }, { object: "robot" }], "Two dogs."),
    ]);
    const { out, ...rest } = request("truth-out.parquet", { source: set });
    const summary = await completePairs({ out, ...rest });
    const rows = await all(out);
    expect(rows.map(({ id, rejectedTrue, rejectedTrueBy }) => [id, rejectedTrue, rejectedTrueBy])).to.deep.equal([
      ["at-0", false, "annotation"],
      ["at-1", true, "annotation"],
      ["at-2", null, null],
      ["at-3", null, null],
      ["at-4", false, "annotation"],
    ]);
    expect(summary.pictures).to.deep.equal({
      retrieval: { made: 4, true: 1, false: 2 },
      "retrieval/object": { made: 4, true: 1, false: 2 },
    });
  });

  it("ends with the same file after an interruption, and leaves nothing else behind", async () => {
    const straight = request("straight.parquet");
    const summary = await completePairs(straight);
    const stopped = request("stopped.parquet", { signal: AbortSignal.timeout(150) });
    expect(await completePairs(stopped).catch((error: unknown) => (error as Error).name)).to.equal("TimeoutError");
    expect((await readdir(folder)).filter((name) => name.startsWith("stopped"))).to.deep.equal([]);
    expect(await completePairs(request("stopped.parquet", { concurrency: 1 }))).to.deep.equal(summary);
    for (const ending of ["", ".complete.json", ".quarantine.jsonl"]) {
      expect(existsSync(straight.out + ending)).to.equal(existsSync(stopped.out + ending));
      if (!existsSync(straight.out + ending)) continue;
      expect((await readFile(stopped.out + ending)).equals(await readFile(straight.out + ending)), ending).to.equal(
        true,
      );
    }
  });

  it("keeps to the band of similarity by common objects", async () => {
    const wide = await completePairs(request("wide.parquet"));
    const narrow = await completePairs(request("narrow.parquet", { band: [0.5, 0.9] }));
    expect(narrow.written).to.be.lessThan(wide.written);
    const impossible = completePairs(request("none.parquet", { band: [0.99, 0.991] }));
    expect(((await impossible.catch((error: unknown) => error)) as Error).message).to.match(
      /none of 400 pairs can be completed .*within the band/,
    );
  });

  it("retrieves by vectors: within the band of their cosine, and by the text's where no fact tells", async () => {
    const [set, vectors] = [join(folder, "vectored.parquet"), join(folder, "vectors.parquet")];
    const angles = [0, 10, 40, 80, 170];
    const unit = (degrees: number): number[] => [
      Math.cos((degrees * Math.PI) / 180),
      Math.sin((degrees * Math.PI) / 180),
    ];
    const plain = { objects: null, annotations: null };
    await writePairRows(
      set,
      await Promise.all(
        angles.map((angle, at) =>
          rowOf(at, {
            ...plain,
            id: `at-${angle}`,
            chosen: "It rains.",
            rejected: "It snows.",
            ...(at > 0 ? { rejectedImages: [Buffer.from(ONE)] } : {}),
          }),
        ),
      ),
    );
    parquetWriteFile({
      filename: vectors,
      columnData: [
        { name: "id", data: angles.map((angle) => `at-${angle}`) },
        { name: "image_embedding", data: angles.map(unit) },
        { name: "rejected_embedding", data: angles.map(() => unit(45)) },
      ],
      schema: [
        { name: "root", num_children: 3 },
        { name: "id", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
        ...["image_embedding", "rejected_embedding"].flatMap(
          (name) =>
            [
              { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
              { name: "list", repetition_type: "REPEATED", num_children: 1 },
              { name: "element", type: "DOUBLE", repetition_type: "OPTIONAL" },
            ] as const,
        ),
      ],
    });
    const embeddings = await Embeddings.read(vectors);
    for (const [one, angle] of angles.entries()) {
      // A vector is kept with 8 bits a number.
      expect(embeddings.imageSimilarity("at-0", `at-${angle}`)).to.be.closeTo(Math.cos((angle * Math.PI) / 180), 0.01);
      expect(embeddings.textSimilarity("at-0", `at-${angles[one]}`)).to.be.closeTo(
        Math.cos(((angle - 45) * Math.PI) / 180),
        0.01,
      );
    }
    expect(embeddings.imageSimilarity("at-0", "absent")).to.equal(undefined);
    // The text at 45 degrees fits the picture at 40 best; further from the row's own picture, that at 80.
    for (const [band, best] of [
      [[-1, 1], 2],
      [[-1, 0.5], 3],
    ] as const) {
      const { out, ...rest } = request(`vectored-${best}.parquet`, { source: set, embeddings, band });
      const summary = await completePairs({ out, ...rest });
      const counts = { made: 1, true: 0, false: 0 };
      expect(summary.pictures).to.deep.equal({ retrieval: counts, "retrieval/unknown": counts });
      const [row] = await all(out);
      expect(Buffer.from(row?.rejectedImages?.[0] ?? []).equals(await pictureOf(best))).to.equal(true);
    }
    const { out, ...rest } = request("vectored-none.parquet", { source: set, embeddings, band: [-1, -0.99] });
    expect(await completePairs({ out, ...rest })).to.include({ written: 4, quarantined: 1 });
  });

  it("puts rows that cannot be completed into quarantine, with the reason, and keeps those that lack nothing", async () => {
    const mixed = join(folder, "mixed.parquet");
    const picture = [await pictureOf(9999)];
    await writePairRows(mixed, [
      await rowOf(0, { id: "made", chosen: "There is a dog.", objects: ["dog"], annotations: [{ object: "dog" }] }),
      await rowOf(1, { id: "whole", rejected: "Something else.", rejectedImages: picture }),
      await rowOf(2, { id: "bad", chosen: "It is raining." }),
      await rowOf(3, { id: "cat", chosen: "A cat.", objects: ["cat"], annotations: [{ object: "cat" }] }),
    ]);
    const { out, ...rest } = request("mixed-out.parquet", { source: mixed });
    const summary = await completePairs({ out, ...rest });
    expect(summary).to.include({ read: 4, written: 3, quarantined: 1, complete: 1 });
    const [line, ...more] = (await readFile(completeFiles(out).quarantine, "utf8")).trim().split("\n");
    expect(more).to.be.empty;
    expect(JSON.parse(line as string)).to.deep.equal({
      row: 2,
      id: "bad",
      field: "rejected",
      reason: "no fact of the chosen text can be replaced safely",
    });
    const rows = await all(out);
    expect(rows.map(({ id }) => id)).to.deep.equal(["made", "whole", "cat"]);
    expect(rows[0]).to.include({ rejectedOrigin: "rules", rejectedImagesOrigin: "retrieval" });
    expect(rows[1]).to.include({ rejected: "Something else.", rejectedOrigin: null });
  });

  it("crops, masks and blurs with noise: another picture of the same size, the same each time", async () => {
    for (const way of ["crop", "mask", "noise"] as const) {
      const rich = join(folder, `${way}.parquet`);
      const pixels = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, at) => (at * 7) % 251));
      const picture = await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } })
        .png()
        .toBuffer();
      await writePairRows(rich, [
        await rowOf(0, {
          images: [picture],
          chosen: "There is a dog.",
          rejected: "There is a cat.",
          chosenWord: "dog",
          annotations: [{ object: "dog", box: [0.5, 0.5, 0.25, 0.5] }],
        }),
      ]);
      const [one, two] = [
        request(`${way}-1.parquet`, { source: rich, ways: [way] }),
        request(`${way}-2.parquet`, { source: rich, ways: [way] }),
      ];
      await completePairs(one);
      await completePairs(two);
      expect((await readFile(one.out)).equals(await readFile(two.out))).to.equal(true);
      const [whole] = await all(one.out);
      expect(whole).to.include({ rejectedTrue: false, rejectedTrueBy: "construction" });
      const made = whole?.rejectedImages?.[0] as Uint8Array;
      const { data, info } = await sharp(made).raw().toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).to.deep.equal([40, 30]);
      const changed = Array.from({ length: 40 * 30 }, (_, at) =>
        data.subarray(at * 3, at * 3 + 3).equals(pixels.subarray(at * 3, at * 3 + 3)) ? [] : [at],
      ).flat();
      if (way !== "mask") expect(changed.length).to.be.greaterThan(1000);
      else {
        const inBox = Array.from({ length: 10 * 15 }, (_, at) => (15 + Math.floor(at / 10)) * 40 + 20 + (at % 10));
        expect(inBox).to.include.members(changed);
        expect(changed.length).to.be.greaterThan(140);
        expect(data[(inBox[0] as number) * 3]).to.equal(127);
      }
    }
  });

  it("lets a command edit pictures, without a shell, and asks it only once", async () => {
    const log = join(folder, "edits.log");
    const script = join(folder, "edit.mjs");
    await writeFile(
      script,
      `import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
const [input, output, instruction] = process.argv.slice(2);
appendFileSync(${JSON.stringify(log)}, instruction + "\\n");
if (instruction.includes("fails")) { console.error("cannot"); process.exit(3); }
if (instruction.includes("nothing")) process.exit(0);
writeFileSync(output, readFileSync(process.env.OTHER));`,
    );
    const other = join(folder, "other.png");
    await writeFile(other, await pictureOf(4242));
    process.env["OTHER"] = other;
    const edited = join(folder, "to-edit.parquet");
    const texts = { chosen: "There is a dog.", chosenWord: "dog", kind: "object" };
    await writePairRows(edited, [
      await rowOf(0, { ...texts, id: "good", rejected: "There is a cat; $(touch x).", rejectedWord: "cat" }),
      await rowOf(1, { ...texts, id: "fails", rejected: "It fails.", rejectedWord: "fails" }),
      await rowOf(2, { ...texts, id: "nothing", rejected: "There is nothing.", rejectedWord: "nothing" }),
    ]);
    const words = [process.execPath, script, "{in}", "{out}", "{instruction}"];
    const run = (out: string) =>
      completePairs(
        request(out, {
          source: edited,
          ways: ["command"],
          editors: { command: new EditingCommand({ words, cache: join(folder, "edits") }) },
          concurrency: 1,
        }),
      );
    const summary = await run("edited.parquet");
    expect(summary).to.deep.include({ read: 3, written: 1, quarantined: 2 });
    expect(summary.reasons).to.deep.equal({
      "rejected_images: the editing command ended with 3: cannot": 1,
      "rejected_images: the editing command wrote no picture to {out}": 1,
    });
    const [row] = await all(join(folder, "edited.parquet"));
    expect(row?.rejectedImagesOrigin).to.equal("command");
    expect(Buffer.from(row?.rejectedImages?.[0] ?? []).equals(await pictureOf(4242))).to.equal(true);
    const said = (await readFile(log, "utf8")).trim().split("\n");
    expect(said[0]).to.equal('Replace "dog" with "cat", so that the picture shows: There is a cat; $(touch x).');
    await run("edited-again.parquet");
    expect((await readFile(log, "utf8")).trim().split("\n")).to.have.length(said.length + 2);
    expect(() => new EditingCommand({ words: ["edit", "{in}"], cache: folder })).to.throw(UserError, "lacks {out}");
    const missing = new EditingCommand({
      words: [join(folder, "absent"), "{in}", "{out}"],
      cache: join(folder, "edits"),
    });
    const error = await completePairs(
      request("x.parquet", { source: edited, ways: ["command"], editors: { command: missing } }),
    ).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(UserError);
  });

  it("takes texts of an endpoint that change one fact, refuses others, and asks the same only once", async () => {
    const answers = new Map([
      ["There is a dog next to a car.", "There is a cat next to a car."],
      ["Two men hold a kite.", "Three women hold a ball."],
      ["A red bus.", '"A green bus."'],
    ]);
    server = await judgeServer(
      ({ body }) => answers.get(body.messages[1]?.content.split("Description: ")[1] ?? "") ?? "?",
    );
    const asked = join(folder, "to-write.parquet");
    await writePairRows(
      asked,
      await Promise.all(
        [...answers.keys()].map((chosen, at) => rowOf(at, { id: `t${at}`, chosen, objects: null, annotations: null })),
      ),
    );
    const endpoint = { names: WRITER, url: chatUrl(server.url, WRITER), tries: 1 };
    const run = (out: string) => {
      const model = openChatModel({
        model: "m",
        endpoint,
        cache: join(folder, "texts"),
        concurrency: 2,
        overrides: {},
      });
      return completePairs(request(out, { source: asked, ways: [], writer: new TextWriter(model) }));
    };
    const summary = await run("written.parquet");
    expect(summary).to.deep.include({ read: 3, written: 2, quarantined: 1 });
    expect(Object.keys(summary.reasons)[0]).to.match(/the endpoint wrote no text with one fact changed in 3 tries/);
    const rows = await all(join(folder, "written.parquet"));
    expect(
      rows.map(({ rejected, kind, chosenWord, rejectedWord, rejectedOrigin }) => [
        rejected,
        kind,
        chosenWord,
        rejectedWord,
        rejectedOrigin,
      ]),
    ).to.deep.equal([
      ["There is a cat next to a car.", "object", "dog", "cat", "endpoint"],
      ["A green bus.", "attribute", "red", "green", "endpoint"],
    ]);
    const before = server.asked.length;
    await run("written-again.parquet");
    expect(server.asked.length).to.equal(before);
    expect(
      (await readFile(join(folder, "written-again.parquet"))).equals(await readFile(join(folder, "written.parquet"))),
    ).to.equal(true);
  });

  it("refuses wrong requests in one line", async () => {
    const wrong = async (parts: Partial<CompleteRequest>): Promise<string> => {
      const error = await completePairs(request("wrong.parquet", parts)).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(UserError);
      return (error as Error).message;
    };
    expect(await wrong({ out: source })).to.include("is read");
    expect(await wrong({ source: join(folder, "absent.parquet") })).to.include("cannot open");
    const error = await Embeddings.read(source).catch((cause: unknown) => cause);
    expect((error as Error).message).to.include('column "image_embedding" is missing');
    expect((await readdir(folder)).filter((name) => /tmp|pictures$/.test(name))).to.deep.equal([]);
  });
});
