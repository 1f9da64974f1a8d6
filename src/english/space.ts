/**
 * Characters that part words, as the inside of a character class: Unicode's white space and the information separators,
 * as Python's `str.split` takes them (JavaScript's `\s` lacks the separators and adds the byte order mark).
 */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
