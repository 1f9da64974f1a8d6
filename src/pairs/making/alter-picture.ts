import sharp from "sharp";
import type { Random } from "../../numbers/random.js";
import type { ObjectAnnotation } from "../pair-row.js";

/** Ways of making a contrast picture out of the picture itself. */
export type Alteration = "crop" | "mask" | "noise";

/** Share of the area that a crop leaves, as in mDPO (arXiv 2406.11839), which draws it from 0 to 20 %. */
const CROP_SHARE = [0.05, 0.2] as const;
/** Share of the area that a mask covers where no box says what to cover. */
const MASK_SHARE = 0.4;
/** Share of the picture that noise replaces. */
const NOISE_SHARE = 0.8;
const GREY = { r: 127, g: 127, b: 127 };

/**
 * Alters a picture so that what the chosen text says can be seen less, or not.
 *
 * @param picture - Bytes of its file.
 * @param how - `crop`: a small part of it, as large as the whole; `mask`: grey over the boxes of the object in question,
 *   or over a part where no box is known; `noise`: Gaussian noise over all of it.
 * @param options - `boxes` of the object, in fractions of the picture; where choices come from.
 * @returns Bytes of a PNG file of the same size.
 */
export async function alterPicture(
  picture: Uint8Array,
  how: Alteration,
  { boxes, random }: { boxes: readonly NonNullable<ObjectAnnotation["box"]>[]; random: Random },
): Promise<Uint8Array> {
  // Turned as its metadata says, since the boxes are of what is seen.
  const { data, info } = await sharp(picture)
    .rotate()
    .flatten({ background: GREY })
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const raw = { raw: { width, height, channels } };
  switch (how) {
    case "crop": {
      const side = Math.sqrt(CROP_SHARE[0] + (CROP_SHARE[1] - CROP_SHARE[0]) * share(random));
      const [w, h] = [Math.max(1, Math.round(width * side)), Math.max(1, Math.round(height * side))];
      const region = { left: random.integer(0, width - w), top: random.integer(0, height - h), width: w, height: h };
      return sharp(data, raw).extract(region).resize(width, height, { fit: "fill" }).png().toBuffer();
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
      return sharp(data, raw).png().toBuffer();
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
      return sharp(data, raw).png().toBuffer();
    }
  }
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
