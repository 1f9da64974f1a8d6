/** Markers that a model's template puts where an image, a video or a sound goes, as the usual families spell them. */
const MEDIA_MARKER =
  /<(image|img|video|audio)(?:[_-]?(?:\d+|token|placeholder|soft_token))?>|<\/?(?:image|img)>|<\s*(?:ImageHere|IMG_CONTEXT|im_patch|im_start|im_end|im_newline|image_newline|start_of_image|end_of_image)\s*>|\[IMG(?:_BREAK|_END)?\]/iu;

/** Tokens that end or part a template's texts: `<|im_end|>`, `</s>`, `[INST]` and the like. */
const CONTROL_TOKEN =
  /<\|[^\s<>|]{1,40}\|>|<\/?s>|<(?:eos|bos|pad|unk|mask|start_of_turn|end_of_turn|end_of_utterance)>|\[\/?INST\]|<<\/?SYS>>/u;

/** A whole image's place as conversations begin or end with it: `<image>`, `<img>a.jpg</img>`, and others. */
const IMAGE_PLACE =
  /(?:Picture \d+:\s*)?(?:<img>[^<]*<\/img>|<image>\s*<\/image>|<(?:image|ImageHere|image_placeholder)>|<\|vision_start\|>(?:<\|image_pad\|>)+<\|vision_end\|>|<\|image(?:_1|_pad)?\|>|\[IMG\])/u;
const PLACE_BEFORE = new RegExp(`^\\s*${IMAGE_PLACE.source}`, "u");
const PLACE_BEHIND = new RegExp(`${IMAGE_PLACE.source}\\s*$`, "u");

/** Letters, digits, signs: what leaves something on the page. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/**
 * Looks for what makes a text unusable for training.
 *
 * @param text - A prompt or an answer.
 * @returns What was found, and how to mend it; null for a sound text.
 */
export function textFault(text: string): { readonly found: string; readonly expected: string } | null {
  if (text.trim() === "") return { found: "is empty", expected: "expected text: fill it in or drop the row" };
  if (/\p{Surrogate}/u.test(text)) {
    const expected = "expected whole Unicode characters: read the source as UTF-8, or drop the row";
    return { found: "holds half a character (a lone surrogate)", expected };
  }
  if (!VISIBLE.test(text)) {
    return { found: "holds nothing that can be seen", expected: "expected text: fill it in or drop the row" };
  }
  const marker = MEDIA_MARKER.exec(text)?.[0] ?? CONTROL_TOKEN.exec(text)?.[0];
  if (marker === undefined) return null;
  return { found: `holds the marker ${marker}`, expected: "expected plain text: take the marker out or drop the row" };
}

/**
 * Whether two texts look the same: they differ at most in how characters are composed, in space, or in characters that
 * cannot be seen.
 */
export function looksEqual(one: string, other: string): boolean {
  return one === other || seen(one) === seen(other);
}

function seen(text: string): string {
  return text
    .normalize("NFC")
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/\s+/gu, " ")
    .trim();
}

/**
 * Takes the markers of the images off the beginning or the end of a question.
 *
 * @param images - How many it may have.
 */
export function withoutImagePlaces(text: string, images = 1): string {
  const place = PLACE_BEFORE.test(text) ? PLACE_BEFORE : PLACE_BEHIND;
  let bare = text;
  for (let taken = 0; taken < images; taken += 1) bare = bare.replace(place, "");
  return bare.trim();
}
