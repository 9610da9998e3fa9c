/**
 * A row of the list, and what it matches.
 *
 * @import { Account } from '/client/index.js'
 * @import { Badge } from '/client/badges.js'
 *
 * @typedef {'all' | 'free' | 'occupied' | 'stale' | 'mine'} Kind
 * @typedef {keyof typeof LABELS} Action
 */

import { badgeLabel, formatLastSeen } from '/client/badges.js';
import { folded } from '/client/search.js';
import { find } from './page.js';

const FLASH_MS = 1200;
/** @type {Record<Kind, (badge: Badge | null) => boolean>} */
export const MATCHES = {
  all: () => true,
  free: (badge) => !badge,
  occupied: (badge) => Boolean(badge),
  stale: (badge) => Boolean(badge?.stale),
  mine: (badge) => badge?.kind === 'own',
};
const LABELS = { in: 'Clock in', switch: 'Switch here', out: 'Clock out', clear: 'Clear…' };

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent === text) return;
  element.textContent = text;
  element.hidden = !text;
}

export class Row {
  /** @type {Badge | null} */
  badge = null;
  /** @type {Action | null | undefined} null: to be drawn again */
  action = null;
  name = '';
  #key = '';
  #drawn = 'null';
  #holder = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #flash;

  /**
   * @param {Account} account
   * @param {HTMLTemplateElement} template
   */
  constructor({ id, name }, template) {
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.id = id;
    this.element = find('.row', HTMLElement, copy);
    this.nameCell = find('.name', HTMLElement, copy);
    this.label = find('.badge', HTMLElement, copy);
    this.seen = find('.seen', HTMLElement, copy);
    this.button = find('button', HTMLButtonElement, copy);
    this.rename(name);
  }

  /** @param {string} name */
  rename(name) {
    if (name === this.name) return;
    this.name = name;
    this.#key = folded(name);
    this.nameCell.textContent = this.nameCell.title = name;
    this.action = null; // the button's label has the name too
  }

  /**
   * Show what is so now; tells whether the badge is another one.
   *
   * @param {Badge | null} badge
   * @param {Action | undefined} action
   * @param {number} now
   */
  take(badge, action, now) {
    const drawn = JSON.stringify(badge);
    const isChange = drawn !== this.#drawn;
    if (isChange) {
      this.#drawn = drawn;
      this.badge = badge;
      this.#holder = folded(badge?.name ?? '');
      this.element.toggleAttribute('data-stale', Boolean(badge?.stale));
      if (badge) this.element.dataset.kind = badge.kind;
      else delete this.element.dataset.kind;
      this.drawTimes(now);
    }
    if (action !== this.action) {
      this.action = action;
      const label = action ? LABELS[action] : '';
      setText(this.button, label);
      this.button.setAttribute('aria-label', `${label} ${this.name}`);
    }
    return isChange;
  }

  /** @param {number} now */
  drawTimes(now) {
    const { badge } = this;
    setText(this.label, badge ? badgeLabel(badge, { now }) : '');
    setText(this.seen, badge?.lastSeenAt ? formatLastSeen(badge.lastSeenAt, now) : '');
  }

  /**
   * Show it if it matches.
   *
   * @param {string} words folded
   * @param {Kind} kind
   */
  sift(words, kind) {
    const hidden =
      !MATCHES[kind](this.badge) || !(this.#key.includes(words) || this.#holder.includes(words));
    if (this.element.hidden !== hidden) this.element.hidden = hidden;
    return !hidden;
  }

  flash() {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const { dataset } = this.element;
    dataset.flash = '';
    clearTimeout(this.#flash);
    this.#flash = setTimeout(() => delete dataset.flash, FLASH_MS);
  }

  /** @param {number} index */
  setTabIndex(index) {
    this.element.tabIndex = this.button.tabIndex = index;
  }
}
