/** The list: a row for each account, and only what changed is touched. */

import { badgeLabel, badgeOf, formatLastSeen } from '/client/badges.js';
import { folded } from '/client/search.js';

const FLASH_MS = 1200;
const GROUP = 50; // rows that a browser leaves out together while they are out of sight
const MATCHES = {
  all: () => true,
  free: (badge) => !badge,
  occupied: (badge) => Boolean(badge),
  stale: (badge) => Boolean(badge?.stale),
  mine: (badge) => badge?.kind === 'own',
};
const LABELS = { in: 'Clock in', switch: 'Switch here', out: 'Clock out', clear: 'Clear…' };

function setText(element, text) {
  if (element.textContent === text) return;
  element.textContent = text;
  element.hidden = !text;
}

class Row {
  badge = null;
  #drawn = 'null';
  #holder = '';
  #flash;

  constructor({ id, name }, template) {
    this.id = id;
    this.element = template.content.firstElementChild.cloneNode(true);
    [this.nameCell, this.state, this.act] = this.element.children;
    [this.label, this.seen] = this.state.children;
    this.button = this.act.firstElementChild;
    this.rename(name);
  }

  rename(name) {
    if (name === this.name) return;
    this.name = name;
    this.key = folded(name);
    this.nameCell.textContent = this.nameCell.title = name;
    this.action = null; // the button's label has the name too
  }

  /** Take what is so now; tells whether the badge is another one. */
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
      setText(this.button, LABELS[action] ?? '');
      this.button.setAttribute('aria-label', `${LABELS[action]} ${this.name}`);
    }
    return isChange;
  }

  drawTimes(now) {
    const { badge } = this;
    setText(this.label, badge ? badgeLabel(badge, { now }) : '');
    setText(this.seen, badge?.lastSeenAt ? formatLastSeen(badge.lastSeenAt, now) : '');
  }

  /** Show it if it is one of those that were asked for. */
  sift(words, kind) {
    const hidden =
      !MATCHES[kind](this.badge) || !(this.key.includes(words) || this.#holder.includes(words));
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
}

export class Rows {
  #rows = new Map();
  #byElement = new WeakMap();
  #accounts = null;
  #order = [];
  #isFilled = false;
  #words = '';
  #kind = 'all';
  #current = null;

  /** @param onAct called with an action's name and the row */
  constructor(element, onAct, signal) {
    this.element = element;
    this.template = document.getElementById('row');
    element.addEventListener('keydown', (event) => this.#move(event), { signal });
    element.addEventListener('focusin', ({ target }) => this.#makeCurrent(this.#of(target)), {
      signal,
    });
    element.addEventListener(
      'click',
      ({ target }) => target.matches('button') && onAct(this.#of(target).action, this.#of(target)),
      { signal },
    );
  }

  get = (id) => this.#rows.get(id);

  /**
   * Show a snapshot.
   * @param actionOf tells the action for an account's badge
   * @returns the rows whose badge changed; none at the first time
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

  /** Show those that match; tells how many do. */
  sift(words, kind) {
    [this.#words, this.#kind] = [folded(words.trim()), kind];
    this.visible = 0;
    for (const row of this.#rows.values()) this.visible += row.sift(this.#words, kind);
    if (!this.#current || this.#current.element.hidden) this.#makeCurrent(this.#first());
    if (this.element.hidden !== !this.visible) this.element.hidden = !this.visible;
    return this.visible;
  }

  /** How many there are of each kind. */
  counts() {
    const counts = { all: 0, free: 0, occupied: 0, stale: 0, mine: 0 };
    for (const { badge } of this.#rows.values())
      for (const kind in counts) counts[kind] += MATCHES[kind](badge);
    return counts;
  }

  /** What was "5 min ago" is so no longer. */
  drawTimes(now) {
    for (const row of this.#rows.values()) if (row.badge) row.drawTimes(now);
  }

  focusFirst = () => this.#first()?.element.focus();

  clear() {
    this.element.replaceChildren();
  }

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

  #fill(from) {
    const rows = this.#order.slice(from, from + GROUP).map(({ element }) => element);
    let group = this.element.children[from / GROUP];
    if (!group) {
      group = document.createElement('div');
      group.role = 'rowgroup';
      this.element.append(group);
    }
    const isOther = (row, place) => row !== group.children[place];
    if (rows.length !== group.children.length || rows.some(isOther)) group.replaceChildren(...rows);
  }

  #make(account) {
    const row = new Row(account, this.template);
    this.#rows.set(account.id, row);
    this.#byElement.set(row.element, row);
    return row;
  }

  #of = (element) => this.#byElement.get(element?.closest('.row'));

  #first = () => this.#order.find(({ element }) => !element.hidden);

  /** One row can be reached by the tab key, with its button; the arrows lead to the others. */
  #makeCurrent(row) {
    if (row === this.#current) return;
    for (const [one, index] of [
      [this.#current, -1],
      [row, 0],
    ]) {
      if (one) one.element.tabIndex = one.button.tabIndex = index;
    }
    this.#current = row;
  }

  #move(event) {
    const from = this.#of(event.target).element;
    const shown = this.#order.filter(({ element }) => !element.hidden);
    const at = shown.indexOf(this.#of(from));
    const next = {
      ArrowDown: shown[at + 1],
      ArrowUp: shown[at - 1],
      Home: shown[0],
      End: shown.at(-1),
    }[event.key];
    if (next) {
      event.preventDefault();
      next.element.focus();
    } else if (event.key === 'Enter' && event.target === from) {
      event.preventDefault();
      this.#of(from).button.click();
    }
  }
}
