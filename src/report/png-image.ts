import { type Markup, markup } from "./markup.js";

/**
 * An image that is part of the page.
 *
 * @param png - Bytes of a PNG file.
 * @param description - For those who do not see it.
 */
export function pngImage(png: Uint8Array, description: string): Markup {
  const data = Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString("base64");
  return markup`<img src="data:image/png;base64,${data}" alt="${description}">`;
}
