import sharp from "sharp";

const side = 32;

/**
 * Mean absolute difference of two pictures' pixels, both shrunk to 32 x 32 in red, green and blue: 0 for equal
 * pictures, 1 for black and white.
 *
 * @throws Error when a picture cannot be decoded.
 */
export async function imageDifference(one: Uint8Array, other: Uint8Array): Promise<number> {
  const [a, b] = await Promise.all([pixelsOf(one), pixelsOf(other)]);
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += Math.abs((a[at] as number) - (b[at] as number));
  return sum / a.length / 255;
}

function pixelsOf(bytes: Uint8Array): Promise<Buffer> {
  return sharp(bytes)
    .flatten({ background: "#808080" })
    .toColourspace("srgb")
    .removeAlpha()
    .resize(side, side, { fit: "fill" })
    .raw()
    .toBuffer();
}
