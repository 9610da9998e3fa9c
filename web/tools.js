/**
 * The head of the board: what is shown of the list, the connection, the theme.
 *
 * @import { Reason, Status } from '/client/index.js'
 * @import { Kind } from './row.js'
 */

import { find } from './page.js';

/** @type {Record<string, string>} */
const THEMES = { auto: '◐', light: '○', dark: '●' };
/** @type {Record<Exclude<Status, 'signed-out'>, string>} */
const CONNECTIONS = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Reconnecting…',
  offline: 'Offline',
};

/** Search and filter, with the counts. */
export class Filters {
  #search = find('#search', HTMLInputElement);
  #buttons = [...find('#filters').querySelectorAll('button')];
  /** @type {Kind} */
  kind = 'all';

  /**
   * @param {() => void} onChange called when the choice changes
   * @param {() => void} onDown called to go from the search to the list
   * @param {AbortSignal} signal
   */
  constructor(onChange, onDown, signal) {
    this.reset();
    this.onChange = onChange;
    this.#search.addEventListener('input', onChange, { signal });
    this.#search.addEventListener('keydown', (event) => this.#key(event, onDown), { signal });
    for (const button of this.#buttons) {
      button.addEventListener('click', () => this.choose(kindOf(button)), { signal });
    }
    document.addEventListener('keydown', (event) => this.#slash(event), { signal });
  }

  get words() {
    return this.#search.value;
  }

  /** @param {Kind} kind */
  choose(kind) {
    this.kind = kind;
    for (const button of this.#buttons) button.ariaPressed = String(kindOf(button) === kind);
    this.onChange?.();
  }

  reset() {
    this.#search.value = '';
    this.choose('all');
  }

  /**
   * @param {Record<Kind, number>} counts
   * @param {boolean} seesStale as only admins do
   */
  show(counts, seesStale) {
    for (const button of this.#buttons) {
      const kind = kindOf(button);
      const number = find('b', HTMLElement, button);
      const text = String(counts[kind]);
      if (number.textContent !== text) number.textContent = text;
      if (kind !== 'stale') continue;
      button.hidden = !seesStale;
      number.classList.toggle('some', counts.stale > 0);
    }
    if (!seesStale && this.kind === 'stale') this.choose('all');
  }

  /**
   * @param {KeyboardEvent} event
   * @param {() => void} onDown
   */
  #key(event, onDown) {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      onDown();
    } else if (event.key === 'Escape') this.reset();
  }

  /** @param {KeyboardEvent} event */
  #slash(event) {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key !== '/' || isTyping || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    this.#search.select();
  }
}

/**
 * Say how the connection is, in words and by a shape, and what helps where something is in between.
 *
 * @param {Exclude<Status, 'signed-out'>} status
 * @param {Reason | null} reason
 * @param {number | null} checkedAt
 */
export function showConnection(status, reason, checkedAt) {
  const element = find('#connection');
  find('#between').hidden = reason !== 'intercepted';
  if (element.dataset.status === status) return;
  element.dataset.status = status;
  const since =
    status !== 'live' && checkedAt ? ` as of ${new Date(checkedAt).toLocaleTimeString()}` : '';
  find('#connection span').textContent = CONNECTIONS[status] + since;
}

/**
 * Let the button choose between the system's theme, light and dark; the choice is remembered.
 *
 * @param {AbortSignal} signal
 */
export function offerThemes(signal) {
  const { dataset } = document.documentElement;
  const button = find('#theme');
  let { theme = 'auto' } = dataset;
  const say = () => {
    button.textContent = THEMES[theme];
    button.ariaLabel = button.title = `Theme: ${theme}`;
  };
  button.addEventListener(
    'click',
    () => {
      const names = Object.keys(THEMES);
      dataset.theme = theme = names[(names.indexOf(theme) + 1) % names.length];
      localStorage.setItem('presence.theme', theme);
      say();
    },
    { signal },
  );
  say();
}

/** @param {HTMLElement} button of the filters */
const kindOf = (button) => /** @type {Kind} */ (button.dataset.filter);
