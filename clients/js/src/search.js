/** Searching, without regard to case and accents. */

/** @param {string} text */
export const folded = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/**
 * Whether one of `texts` has what was searched for; spaces around that do not count.
 *
 * @param {string} words
 * @param {...string} texts
 */
export const matches = (words, ...texts) => {
  const wanted = folded(words.trim());
  return texts.some((text) => folded(text).includes(wanted));
};
