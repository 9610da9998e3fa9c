/** Times as people read them. The words are English; numbers and clock follow the locale. */

const MINUTE = 60_000;

/** @type {[Intl.RelativeTimeFormatUnit, number][]} in minutes */
const UNITS = [
  ['day', 24 * 60],
  ['hour', 60],
  ['minute', 1],
];

/**
 * Making one of `Intl`'s formatters takes longer than using it on a whole list.
 * @type {Map<string, Intl.DateTimeFormat>}
 */
const formatters = new Map();

/**
 * @param {string | undefined} locale
 * @param {string | undefined} timeZone
 * @param {Intl.DateTimeFormatOptions} parts
 */
function formatter(locale, timeZone, parts) {
  const key = [locale, timeZone, ...Object.keys(parts)].join();
  const made = formatters.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone, ...parts });
  formatters.set(key, made);
  return made;
}

/** @type {Intl.DateTimeFormatOptions} */
const DAY = { month: 'short', day: 'numeric' };
/** @type {Intl.DateTimeFormatOptions} */
const CLOCK = { hour: 'numeric', minute: '2-digit' };

/**
 * "Last seen 5 min ago".
 * @param {string} iso when that was
 * @param {number} now ms since 1970, best by the server's clock: `poller.now()`
 * @param {{locale?: string}} [options]
 */
export function formatLastSeen(iso, now, { locale = 'en' } = {}) {
  const minutes = Math.floor((now - Date.parse(iso)) / MINUTE);
  const [unit, size] = UNITS.find(([, size]) => minutes >= size) ?? [];
  if (!unit || !size) return 'Last seen just now';
  const relative = new Intl.RelativeTimeFormat(locale, { style: 'short' });
  const ago = relative.format(-Math.floor(minutes / size), unit);
  return `Last seen ${ago.replace('.', '')}`;
}

/**
 * "3:05 PM", and "Nov 21, 3:05 PM" when that was not today; in the viewer's locale and zone, if
 * no other is given.
 * @param {string | number} when ISO 8601, or ms since 1970
 * @param {{locale?: string, timeZone?: string, now?: number}} [options] `now` in ms since 1970
 */
export function formatClockIn(when, { locale, timeZone, now = Date.now() } = {}) {
  const at = new Date(when);
  const day = formatter(locale, timeZone, DAY);
  const parts = day.format(at) === day.format(now) ? CLOCK : { ...DAY, ...CLOCK };
  return formatter(locale, timeZone, parts).format(at);
}
