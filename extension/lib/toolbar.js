/** The badge in the toolbar, and its title, which says the same in words. */

import { openClockIn } from './held-events.js';
import { intended } from './queue.js';
import { recordOf } from './state.js';

/** @import { State } from './types.js' */

const WARNING = '#8a4b00';

/** Each dark enough for white letters. */
const COLOURS = [
  '#1f5f8b',
  '#1c6b3f',
  '#7a3e9d',
  '#a1322b',
  '#5b5f00',
  '#8b4a1f',
  '#2f5fb3',
  '#9b2f6b',
];

/**
 * @param {State} state
 * @param {boolean} isSignedIn
 * @returns {{text: string, colour: string, title: [string, ...string[]]}} `title`: a message's key
 *   and what is inserted
 */
export function toolbarOf(state, isSignedIn) {
  const record = recordOf(state);
  const account = record && intended(record);
  if (!record || !(isSignedIn || account || record.queue.length > 0)) {
    return { text: '', colour: WARNING, title: ['badge_signed_out'] };
  }
  if (!isSignedIn || record.retry || openClockIn(record)) {
    const key = isSignedIn ? (record.retry ? 'badge_away' : 'badge_held') : 'badge_sign_in';
    return { text: '!', colour: WARNING, title: account ? [`${key}_on`, account.name] : [key] };
  }
  if (!account) return { text: '', colour: WARNING, title: ['badge_off'] };
  return {
    text: initials(account.name),
    colour: colourOf(account.id),
    title: ['badge_on', account.name],
  };
}

/**
 * "Blue Heron Bakery" is BH, "Acme" is AC.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? ['?'];
  const [first, second] = words.map((word) => [...word]);
  return (second ? first[0] + second[0] : first.slice(0, 2).join('')).toLocaleUpperCase();
}

/**
 * An account's colour, the same everywhere.
 *
 * @param {string} id
 */
export function colourOf(id) {
  const sum = [...id].reduce(
    (total, letter) => (total * 31 + Number(letter.codePointAt(0))) % 65_521,
    7,
  );
  return COLOURS[sum % COLOURS.length];
}
