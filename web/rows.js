/**
 * The list: a row for each account. Only what changed is touched.
 *
 * @import { Account, Snapshot } from '/client/index.js'
 * @import { Badge } from '/client/badges.js'
 * @import { Action, Kind } from './row.js'
 */

import { badgeOf } from '/client/badges.js';
import { folded } from '/client/search.js';
import { find } from './page.js';
import { MATCHES, Row } from './row.js';

const GROUP = 50; // rows that a browser leaves out together while they are out of sight

export class Rows {
  visible = 0;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {WeakMap<Element, Row>} */
  #byElement = new WeakMap();
  /** @type {Account[] | null} */
  #accounts = null;
  /** @type {Row[]} */
  #order = [];
  #isFilled = false;
  #words = '';
  /** @type {Kind} */
  #kind = 'all';
  /** @type {Row | undefined} */
  #current;

  /**
   * @param {HTMLElement} element
   * @param {(action: Action, row: Row) => void} onAct
   * @param {AbortSignal} signal
   */
  constructor(element, onAct, signal) {
    this.element = element;
    this.template = find('#row', HTMLTemplateElement);
    element.addEventListener('keydown', (event) => this.#move(event), { signal });
    element.addEventListener('focusin', ({ target }) => this.#makeCurrent(this.#of(target)), {
      signal,
    });
    element.addEventListener(
      'click',
      ({ target }) => {
        const row = target instanceof HTMLButtonElement ? this.#of(target) : undefined;
        if (row?.action) onAct(row.action, row);
      },
      { signal },
    );
  }

  /** @param {string} id */
  get = (id) => this.#rows.get(id);

  /**
   * Show a snapshot.
   *
   * @param {Account[]} accounts
   * @param {Snapshot} snapshot
   * @param {(id: string, badge: Badge | null) => Action | undefined} actionOf
   * @param {number} now
   * @returns {Row[]} those whose badge changed; none the first time
   */
  update(accounts, snapshot, actionOf, now) {
    if (accounts !== this.#accounts) this.#lay(accounts);
    const changed = [];
    for (const row of this.#rows.values()) {
      const badge = badgeOf(snapshot, row.id);
      if (row.take(badge, actionOf(row.id, badge), now)) changed.push(row);
    }
    this.sift(this.#words, this.#kind);
    const isFirst = !this.#isFilled;
    this.#isFilled = true;
    if (isFirst) return [];
    for (const row of changed) row.flash();
    return changed;
  }

  /**
   * Show those that match; tells how many do.
   *
   * @param {string} words
   * @param {Kind} kind
   */
  sift(words, kind) {
    [this.#words, this.#kind] = [folded(words.trim()), kind];
    this.visible = 0;
    for (const row of this.#rows.values()) this.visible += Number(row.sift(this.#words, kind));
    if (!this.#current || this.#current.element.hidden) this.#makeCurrent(this.#first());
    if (this.element.hidden !== !this.visible) this.element.hidden = !this.visible;
    return this.visible;
  }

  /** How many there are of each kind. */
  counts() {
    const counts = { all: 0, free: 0, occupied: 0, stale: 0, mine: 0 };
    /** @type {Kind} */
    let kind;
    for (const { badge } of this.#rows.values())
      for (kind in counts) counts[kind] += Number(MATCHES[kind](badge));
    return counts;
  }

  /**
   * What was "5 min ago" is so no longer.
   *
   * @param {number} now
   */
  drawTimes(now) {
    for (const row of this.#rows.values()) if (row.badge) row.drawTimes(now);
  }

  focusFirst = () => this.#first()?.element.focus();

  clear() {
    this.element.replaceChildren();
  }

  /** @param {Account[]} accounts */
  #lay(accounts) {
    this.#accounts = accounts;
    const ids = new Set(accounts.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    this.#order = accounts.map(({ id, name }) => {
      const row = this.get(id) ?? this.#make({ id, name });
      row.rename(name);
      return row;
    });
    for (let from = 0; from < this.#order.length; from += GROUP) this.#fill(from);
    const groups = [...this.element.children];
    for (const group of groups.slice(Math.ceil(this.#order.length / GROUP))) group.remove();
  }

  /** @param {number} from */
  #fill(from) {
    const rows = this.#order.slice(from, from + GROUP).map(({ element }) => element);
    let group = this.element.children[from / GROUP];
    if (!group) {
      group = document.createElement('div');
      group.role = 'rowgroup';
      this.element.append(group);
    }
    /** @type {(row: Element, place: number) => boolean} */
    const isOther = (row, place) => row !== group.children[place];
    if (rows.length !== group.children.length || rows.some(isOther)) group.replaceChildren(...rows);
  }

  /** @param {Account} account */
  #make(account) {
    const row = new Row(account, this.template);
    this.#rows.set(account.id, row);
    this.#byElement.set(row.element, row);
    return row;
  }

  /** @param {EventTarget | null} target in a row */
  #of(target) {
    const element = target instanceof Element ? target.closest('.row') : null;
    return element ? this.#byElement.get(element) : undefined;
  }

  #first = () => this.#order.find(({ element }) => !element.hidden);

  /**
   * One row, with its button, can be reached by the tab key; the arrows lead to the others.
   *
   * @param {Row | undefined} row
   */
  #makeCurrent(row) {
    if (row === this.#current) return;
    this.#current?.setTabIndex(-1);
    row?.setTabIndex(0);
    this.#current = row;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const row = this.#of(event.target);
    if (!row) return;
    const shown = this.#order.filter(({ element }) => !element.hidden);
    const at = shown.indexOf(row);
    /** @type {Record<string, Row | undefined>} */
    const targets = {
      ArrowDown: shown[at + 1],
      ArrowUp: shown[at - 1],
      Home: shown[0],
      End: shown.at(-1),
    };
    const next = targets[event.key];
    if (next) {
      event.preventDefault();
      next.element.focus();
    } else if (event.key === 'Enter' && event.target === row.element) {
      event.preventDefault();
      row.button.click();
    }
  }
}
