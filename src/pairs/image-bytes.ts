const PNG_START = "89504e470d0a1a0a";
const PNG_END = "49454e44ae426082";

/**
 * The format that a file's first bytes tell of.
 *
 * @param bytes - At least the first twelve.
 * @returns Null for what is no image that can be read.
 */
export function imageFormat(bytes: Uint8Array): "png" | "jpg" | "webp" | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.toString("hex", 0, 8) === PNG_START) return "png";
  if (view.toString("hex", 0, 3) === "ffd8ff") return "jpg";
  return view.toString("latin1", 0, 4) === "RIFF" && view.toString("latin1", 8, 12) === "WEBP" ? "webp" : null;
}

/**
 * Looks at the first and last bytes of an image file, without decoding it.
 * @param bytes - The whole file.
 * @returns What is wrong, or null for a PNG, JPEG or WebP file that does not look cut off.
 */
export function imageFault(bytes: Uint8Array): string | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length === 0) return "is empty";
  switch (imageFormat(bytes)) {
    case "png":
      return view.toString("hex", view.length - 8) === PNG_END ? null : "is a PNG file that is cut off";
    case "jpg":
      // Cameras pad with zeros after the end marker.
      return view.lastIndexOf("ffd9", "hex") > 2 ? null : "is a JPEG file that is cut off";
    case "webp":
      return view.length >= view.readUInt32LE(4) + 8 ? null : "is a WebP file that is cut off";
    case null:
      return `is no picture (it starts with the bytes ${view.toString("hex", 0, 4)})`;
  }
}

/**
 * The usual ending of an image file's name.
 *
 * @param bytes - Of a PNG, JPEG or WebP file, as {@link imageFault} knows them.
 */
export function imageExtension(bytes: Uint8Array): "png" | "jpg" | "webp" {
  if (bytes[0] === 0x89) return "png";
  return bytes[0] === 0xff ? "jpg" : "webp";
}

/**
 * The media type of an image file.
 *
 * @param bytes - As for {@link imageExtension}.
 */
export function imageMediaType(bytes: Uint8Array): "image/png" | "image/jpeg" | "image/webp" {
  const extension = imageExtension(bytes);
  return `image/${extension === "jpg" ? "jpeg" : extension}`;
}
