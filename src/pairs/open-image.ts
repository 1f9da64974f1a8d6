import sharp, { type Sharp } from "sharp";
import { LARGEST_IMAGE, LONGEST_STRIP } from "../generated/rules.js";
import { imageFault } from "./image-bytes.js";

/** An image that cannot be opened; the message says what was found and what was expected. */
export class ImageError extends Error {
  override readonly name = "PictureError";
}

/** An image whose header was read. */
export interface OpenedImage {
  /** Pixels, as it is seen: turned as its metadata says. */
  readonly width: number;
  readonly height: number;
  /** Its pixels to be: red, green and blue with 8 bits each, upright, what is transparent over white. */
  readonly pixels: Sharp;
}

/**
 * Opens an image as every part of the program sees it, the Python trainer too (`decode_image` there), within the limits of
 * proto/rules.json.
 *
 * @param bytes - All of a PNG, JPEG or WebP file.
 * @throws ImageError for another file, one that is cut off, or one beyond the limits; damaged pixels are found when they
 * are decoded.
 */
export async function openImage(bytes: Uint8Array): Promise<OpenedImage> {
  const fault = imageFault(bytes);
  if (fault !== null) throw new ImageError(`${fault}, expected a complete PNG, JPEG or WebP file`);
  // A profile of colours is passed over, as in Python.
  const options = { failOn: "error", limitInputPixels: false, ignoreIcc: true } as const;
  const { autoOrient, orientation = 1 } = await sharp(bytes, options)
    .metadata()
    .catch((cause: unknown) => {
      throw new ImageError(`cannot be decoded (${oneLine(cause)})`);
    });
  const { width, height } = autoOrient;
  if (width * height > LARGEST_IMAGE) {
    throw new ImageError(`has ${width} x ${height} pixels, expected at most ${LARGEST_IMAGE}: scale it`);
  }
  if (Math.max(width, height) > LONGEST_STRIP * Math.min(width, height)) {
    throw new ImageError(
      `has ${width} x ${height} pixels, expected no side more than ${LONGEST_STRIP} times as long as the other: crop it`,
    );
  }
  const upright = orientation === 1 ? sharp(bytes, options) : sharp(bytes, options).autoOrient();
  return { width, height, pixels: upright.flatten({ background: "#ffffff" }).toColourspace("srgb").removeAlpha() };
}

/**
 * Decodes a whole image.
 *
 * @returns Three bytes a pixel, row by row.
 * @throws ImageError as {@link openImage}, and for damaged pixels.
 */
export async function decodeImage(
  bytes: Uint8Array,
): Promise<{ readonly data: Buffer; readonly width: number; readonly height: number }> {
  const { pixels } = await openImage(bytes);
  const { data, info } = await pixels
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new ImageError(`cannot be decoded (${oneLine(cause)})`);
    });
  return { data, width: info.width, height: info.height };
}

function oneLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ").trim();
}
