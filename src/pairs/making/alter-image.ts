import sharp, { type Sharp } from "sharp";
import type { Random } from "../../numbers/random.js";
import { decodeImage } from "../open-image.js";
import { imageExtension } from "../image-bytes.js";
import type { ObjectAnnotation } from "../pair-row.js";

/** Ways of making a contrast image out of the image itself. */
export type Alteration = "crop" | "mask" | "noise";

/** Share of the area that a crop leaves, as in mDPO (arXiv 2406.11839), which draws it from 0 to 20 %. */
const CROP_SHARE = [0.05, 0.2] as const;
/** Share of the area that a mask covers where no box says what to cover. */
const MASK_SHARE = 0.4;
/** Share of the image that noise replaces. */
const NOISE_SHARE = 0.8;
const GREY = { r: 127, g: 127, b: 127 };

/**
 * Alters an image so that what the chosen text says can be seen less, or not.
 *
 * @param image - Bytes of its file.
 * @param how - `crop`: a small part of it, as large as the whole; `mask`: grey over the boxes of the object in question,
 *   or over a part where no box is known; `noise`: Gaussian noise over all of it.
 * @param options - `boxes` of the object, in fractions of the image; where choices come from.
 * @returns Bytes of a file of the same width and height and of the same format, a JPEG or WebP file no larger than the
 *   image's own or 64 KiB, whichever is more.
 */
export async function alterImage(
  image: Uint8Array,
  how: Alteration,
  { boxes, random }: { boxes: readonly NonNullable<ObjectAnnotation["box"]>[]; random: Random },
): Promise<Uint8Array> {
  // Upright, since the boxes are of what is seen.
  const { data, width, height } = await decodeImage(image);
  const channels = 3;
  const raw = { raw: { width, height, channels } } as const;
  switch (how) {
    case "crop": {
      const side = Math.sqrt(CROP_SHARE[0] + (CROP_SHARE[1] - CROP_SHARE[0]) * share(random));
      const [w, h] = [Math.max(1, Math.round(width * side)), Math.max(1, Math.round(height * side))];
      const region = { left: random.integer(0, width - w), top: random.integer(0, height - h), width: w, height: h };
      return written(sharp(data, raw).extract(region).resize(width, height, { fit: "fill" }), image);
    }
    case "mask": {
      const side = Math.sqrt(MASK_SHARE);
      const anywhere = [(1 - side) * share(random), (1 - side) * share(random), side, side] as const;
      for (const [left, top, w, h] of boxes.length > 0 ? boxes : [anywhere]) {
        const [x0, y0] = [Math.floor(left * width), Math.floor(top * height)];
        const [x1, y1] = [
          Math.min(width, Math.ceil((left + w) * width)),
          Math.min(height, Math.ceil((top + h) * height)),
        ];
        for (let y = y0; y < y1; y++) data.fill(GREY.r, (y * width + x0) * channels, (y * width + x1) * channels);
      }
      return written(sharp(data, raw), image);
    }
    case "noise": {
      // A sum of uniform numbers is as good as normal, and quick.
      const generator = lowBits(random);
      for (let at = 0; at < data.length; at++) {
        const noise = 127 + (generator() + generator() + generator() + generator() - 2) * 110;
        data[at] = Math.max(
          0,
          Math.min(255, Math.round((data[at] as number) * (1 - NOISE_SHARE) + noise * NOISE_SHARE)),
        );
      }
      return written(sharp(data, raw), image);
    }
  }
}

/** Bytes that an altered image may always have. */
const SMALL_FILE = 64 * 1024;
const QUALITIES = [90, 75, 55, 35, 15, 1];

/** Encodes as the image is, since one of another format or quality could be told by that; noise is hard to compress. */
async function written(pixels: Sharp, image: Uint8Array): Promise<Uint8Array> {
  const format = imageExtension(image);
  if (format === "png") return pixels.png().toBuffer();
  const most = Math.max(SMALL_FILE, image.length);
  const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true });
  const raw = { raw: { width: info.width, height: info.height, channels: 3 } } as const;
  let bytes = Buffer.alloc(0);
  for (const quality of QUALITIES) {
    const encoded = sharp(data, raw);
    bytes = await (format === "jpg" ? encoded.jpeg({ quality }) : encoded.webp({ quality })).toBuffer();
    if (bytes.length <= most) break;
  }
  return bytes;
}

function share(random: Random): number {
  return random.integer(0, 1_000_000) / 1_000_000;
}

/** Numbers from 0 to 1 for millions of pixels (xorshift, Marsaglia 2003), from one draw. */
function lowBits(random: Random): () => number {
  let state = random.integer(1, 2 ** 31 - 1);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
