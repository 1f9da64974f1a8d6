/** Beginnings that are written with a vowel and spoken with a consonant. */
const CONSONANT = /^(?:eu|ew|on(?:e|ce)\b|oui|uni(?!m|n|d|ll)|us[aeu]|ut[ei](?!r)|uku|ura|uro|url\b)|^U[A-Z]/;
/** Beginnings that are written with a consonant, or a number, and spoken with a vowel. */
const VOWEL = /^(?:hour|honest|honou?r|heir|8|11\b|18\b)|^[FHLMNRSX](?:-|[A-Z]{1,2}\b)/;

/**
 * The indefinite article before a word.
 *
 * @param next - The word, or the phrase that it begins.
 * @returns "a" or "an", by the sound of its beginning.
 */
export function articleFor(next: string): "a" | "an" {
  if (VOWEL.test(next) || /^x-/.test(next)) return "an";
  const lower = /^[A-Z]{2}/.test(next) ? next : next.toLowerCase();
  if (CONSONANT.test(lower)) return "a";
  return /^[aeiou]/i.test(next) ? "an" : "a";
}
