import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp, { type Sharp } from "sharp";
import { findPython, pythonPath } from "../../src/backend/python.js";
import { decodeImage, ImageError } from "../../src/pairs/open-image.js";
import { writePairRows } from "../../src/pairs/pair-rows.js";
import { checkPairs } from "../../src/pairs/checking/check-pairs.js";
import { alterImage } from "../../src/pairs/making/alter-image.js";
import { Random } from "../../src/numbers/random.js";
import { bareRow } from "./bare-row.js";

const run = promisify(execFile);

/** Decodes pictures with both of Python's doors, the trainer's and the service's: raw pixels, or what is wrong. */
const DECODE = `
import json, sys
from pathlib import Path
from scpo_trl.errors import UserError
from scpo_trl.service.image_bytes import decode_image as decode_by_service
from scpo_trl.trainer.rows.images import decode_image
found = {}
for name in sys.argv[2:]:
    data = (Path(sys.argv[1]) / name).read_bytes()
    for door, open_picture in (("service", lambda: decode_by_service(data, name, "mend it")), ("trainer", lambda: decode_image(data, name))):
        try:
            image = open_picture()
            (Path(sys.argv[1]) / f"{name}.{door}.raw").write_bytes(image.tobytes())
            found[f"{name} {door}"] = [*image.size]
        except UserError as error:
            found[f"{name} {door}"] = str(error)
print(json.dumps(found))
`;

/** A small picture without symmetry, dark on the left and with a red corner. */
function drawn(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grey = Math.round((255 * x) / width);
      const isRed = x < width / 3 && y < height / 3;
      pixels.set(isRed ? [220, 20, 20] : [grey, grey, Math.round((200 * y) / height)], (y * width + x) * 3);
    }
  }
  return pixels;
}

describe("odd pictures", function () {
  this.timeout(120_000);
  let folder: string;
  const files = new Map<string, Buffer>();
  let python: Record<string, [number, number] | string>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-odd-"));
    const raw = { raw: { width: 24, height: 16, channels: 3 } } as const;
    const image = (): Sharp => sharp(drawn(24, 16), raw);
    for (let orientation = 1; orientation <= 8; orientation++) {
      files.set(
        `turned-${orientation}.jpg`,
        await image().withMetadata({ orientation }).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
      );
    }
    files.set("turned.png", await image().withMetadata({ orientation: 6 }).png().toBuffer());
    files.set("turned.webp", await image().withMetadata({ orientation: 8 }).webp({ lossless: true }).toBuffer());
    const ramp = Uint16Array.from({ length: 24 * 16 }, (_, at) => (at % 24) * 2700);
    const deep = sharp(ramp, { raw: { width: 24, height: 16, channels: 1 } });
    files.set("grey-16.png", await deep.toColourspace("grey16").png().toBuffer());
    files.set("grey-8.png", await image().greyscale().png().toBuffer());
    files.set("rgb-16.png", await image().toColourspace("rgb16").png().toBuffer());
    const glass = Buffer.from(Array.from({ length: 24 * 16 }, (_, at) => [250, 30, 60, (at % 24) * 10]).flat());
    const clear = (): Sharp => sharp(glass, { raw: { width: 24, height: 16, channels: 4 } });
    files.set("clear.png", await clear().png().toBuffer());
    files.set("clear.webp", await clear().webp({ lossless: true, exact: true }).toBuffer());
    files.set("palette.png", await clear().png({ palette: true, colours: 16 }).toBuffer());
    files.set("grey-clear.png", await clear().greyscale().png().toBuffer());
    files.set(
      "progressive.jpg",
      await image().jpeg({ progressive: true, quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
    );
    files.set("profile.png", await image().withIccProfile("p3").png().toBuffer());
    files.set(
      "large.png",
      await sharp({ create: { width: 9000, height: 9000, channels: 3, background: "red" } })
        .png({ compressionLevel: 1 })
        .toBuffer(),
    );
    files.set(
      "strip.png",
      await sharp({ create: { width: 2010, height: 10, channels: 3, background: "red" } })
        .png()
        .toBuffer(),
    );
    files.set("cut.png", (await image().png().toBuffer()).subarray(0, 60));
    files.set("words.png", Buffer.from("not a picture"));
    files.set("moving.gif", await image().gif().toBuffer());
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    const env = { ...process.env, PYTHONPATH: pythonPath(), OMP_NUM_THREADS: "1" };
    const { stdout } = await run(findPython(), ["-W", "ignore", "-c", DECODE, folder, ...files.keys()], { env });
    python = JSON.parse(stdout) as typeof python;
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const BAD = ["large.png", "strip.png", "cut.png", "words.png", "moving.gif"];

  it("have the same pixels in both languages", async () => {
    for (const [name, bytes] of files) {
      if (BAD.includes(name)) continue;
      const seen = await decodeImage(bytes);
      for (const door of ["service", "trainer"]) {
        expect(python[`${name} ${door}`], `${name} ${door}`).to.deep.equal([seen.width, seen.height]);
        const other = await readFile(join(folder, `${name}.${door}.raw`));
        expect(other.length, name).to.equal(seen.data.length);
        const most = other.reduce(
          (worst, value, at) => Math.max(worst, Math.abs(value - (seen.data[at] as number))),
          0,
        );
        // Decoders of JPEG and the rounding of a blend differ in the last bits.
        expect(most, `${name} ${door}`).to.be.at.most(name.endsWith(".jpg") ? 4 : 1);
      }
    }
  });

  it("stand upright, keep all 16 bits' greys apart, and are white where they are transparent", async () => {
    const at = async (name: string, x: number, y: number): Promise<number[]> => {
      const { data, width } = await decodeImage(files.get(name) as Buffer);
      return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
    };
    const [width, height] = [(await decodeImage(files.get("turned-6.jpg") as Buffer)).width, 24];
    expect([width, height]).to.deep.equal([16, 24]);
    // Turned by 90 degrees clockwise, the red corner at the top left comes to the top right.
    expect((await at("turned-6.jpg", 14, 1))[0]).to.be.greaterThan(180);
    expect((await at("turned-6.jpg", 14, 1))[1]).to.be.lessThan(60);
    const greys = await Promise.all([0, 8, 16, 23].map(async (x) => (await at("grey-16.png", x, 3))[0] as number));
    for (const [index, x] of [0, 8, 16, 23].entries()) expect(greys[index]).to.be.closeTo((x * 2700) / 257, 1);
    expect(await at("clear.png", 0, 0)).to.deep.equal([255, 255, 255]);
    const [, green] = await at("clear.png", 23, 0);
    expect(green).to.be.closeTo(255 - ((255 - 30) * 230) / 255, 1);
  });

  it("are refused by all, beyond the same limits", async () => {
    for (const name of BAD) {
      const error = await decodeImage(files.get(name) as Buffer).catch((thrown: unknown) => thrown);
      expect(error, name).to.be.instanceOf(ImageError);
      expect(python[`${name} service`], name).to.be.a("string");
    }
  });

  it("are told by check with the limit that training has", async () => {
    const pairs = join(folder, "pairs.parquet");
    const good = files.get("turned-6.jpg") as Buffer;
    const row = (id: string, picture: Buffer) =>
      bareRow({ id, images: [picture], rejectedImages: [good], chosen: `a dog ${id}`, rejected: `a cat ${id}` });
    await writePairRows(pairs, [
      row("a", files.get("large.png") as Buffer),
      row("b", files.get("strip.png") as Buffer),
    ]);
    const report = await checkPairs(pairs, { smallestSide: 1 });
    const told = report.findings.find(({ check }) => check === "picture")?.examples.map(({ text }) => text);
    expect(told).to.deep.equal([
      "images[0] has 9000 x 9000 pixels, expected at most 64000000: scale it",
      "images[0] has 2010 x 10 pixels, expected no side more than 200 times as long as the other: crop it",
    ]);
  });

  it("that are altered stay of their format, and no larger than the picture or 64 KiB", async () => {
    const noise = Buffer.from(Array.from({ length: 600 * 400 * 3 }, (_, at) => (at * 7919) % 256));
    const photo = await sharp(noise, { raw: { width: 600, height: 400, channels: 3 } })
      .blur(2)
      .jpeg({ quality: 60 })
      .toBuffer();
    for (const [picture, format] of [
      [photo, "jpeg"],
      [await sharp(photo).webp({ quality: 60 }).toBuffer(), "webp"],
    ] as const) {
      for (const how of ["crop", "mask", "noise"] as const) {
        const made = await alterImage(picture, how, { boxes: [], random: new Random("x") });
        const { format: is, width, height } = await sharp(made).metadata();
        expect([is, width, height], how).to.deep.equal([format, 600, 400]);
        expect(made.length, `${format} ${how}`).to.be.at.most(Math.max(picture.length, 64 * 1024));
      }
    }
  });
});
