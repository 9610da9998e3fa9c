/**
 * The list of accounts. Its elements stay in place, so that neither focus nor scroll is lost.
 *
 * @import { Account } from './client/index.js'
 * @import { Badge } from './client/badges.js'
 * @import { Row } from './lib/popup-model.js'
 */

import { say } from './chrome.js';
import { badgeLabel } from './client/badges.js';
import { matches } from './client/search.js';
import { durationText } from './lib/messages.js';
import { fillWords, find } from './page.js';

const SEARCH_FROM = 7; // accounts

export class AccountRows {
  #list = find('#rows');
  #empty = find('#empty');
  #search = find('#search', HTMLInputElement);
  #template = find('#row', HTMLTemplateElement);
  /** @type {Map<string, HTMLElement>} by account */
  #elements = new Map();
  /** @type {Row[]} */
  #rows = [];

  /** @param {(account: Account) => void} onAct */
  constructor(onAct) {
    this.onAct = onAct;
    this.#search.addEventListener('input', () => this.show(this.#rows));
  }

  /** @param {Row[]} rows */
  show(rows) {
    this.#rows = rows;
    this.#search.hidden = rows.length < SEARCH_FROM;
    const words = this.#search.value;
    const shown = rows.filter(({ name, badge }) => matches(words, name, badge?.name ?? ''));
    const elements = shown.map((row) => this.#update(row));
    if (elements.some((element, index) => this.#list.children[index] !== element)) {
      this.#list.replaceChildren(...elements);
    }
    while (this.#list.children.length > elements.length) this.#list.lastElementChild?.remove();
    this.#list.hidden = elements.length === 0;
    this.#empty.hidden = elements.length > 0;
    this.#empty.textContent = say(rows.length === 0 ? 'no_accounts' : 'no_match');
  }

  /** @param {Row} row */
  #update(row) {
    const element = this.#elements.get(row.id) ?? this.#make(row.id);
    const { kind = 'free', stale = false, lastSeenAt = null } = row.badge ?? {};
    element.dataset.kind = kind;
    element.toggleAttribute('data-stale', stale);
    const [name, badge, seen] = ['.name', '.badge', '.seen'].map((one) =>
      find(one, HTMLElement, element),
    );
    name.textContent = name.title = row.name;
    badge.textContent = badge.title = badgeText(row.badge);
    badge.hidden = kind === 'free';
    seen.textContent = stale ? seenText(lastSeenAt) : '';
    seen.hidden = !stale;
    const button = find('button', HTMLButtonElement, element);
    button.hidden = !row.action;
    if (row.action) {
      button.textContent = say(row.action);
      button.ariaLabel = `${button.textContent} ${row.name}`;
    }
    return element;
  }

  /** @param {string} id */
  #make(id) {
    const fragment = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const element = find('li', HTMLLIElement, fragment);
    fillWords(element);
    find('button', HTMLButtonElement, element).addEventListener('click', () => {
      const row = this.#rows.find((one) => one.id === id);
      if (row) this.onAct({ id, name: row.name });
    });
    this.#elements.set(id, element);
    return element;
  }
}

/** @param {Badge | null} badge */
function badgeText(badge) {
  if (!badge) return '';
  return badge.kind === 'member' ? badgeLabel(badge) : say(`badge_row_${badge.kind}`);
}

/** @param {string | null} lastSeenAt */
const seenText = (lastSeenAt) =>
  lastSeenAt ? say('last_seen', durationText(say, Date.now() - Date.parse(lastSeenAt))) : '';
