/** The list of accounts. AccountRows stay in place, so that neither focus nor scroll is lost. */

import { say } from './chrome.js';
import { badgeLabel } from './client/badges.js';
import { matches } from './client/search.js';
import { durationText } from './lib/messages.js';
import { fillWords, find } from './page.js';

const SEARCH_FROM = 7; // accounts

export class AccountRows {
  #list = find('#rows');
  #empty = find('#empty');
  #search = find('#search');
  #elements = new Map();
  #rows = [];

  /** @param {(account: {id: string, name: string}) => void} onAct */
  constructor(onAct) {
    this.onAct = onAct;
    this.#search.addEventListener('input', () => this.show(this.#rows));
  }

  /** @param {object[]} rows as popup-model.js makes them */
  show(rows) {
    this.#rows = rows;
    this.#search.hidden = rows.length < SEARCH_FROM;
    const words = this.#search.value;
    const shown = rows.filter(({ name, badge }) => matches(words, name, badge?.name ?? ''));
    const elements = shown.map((row) => this.#update(row));
    if (elements.some((element, index) => this.#list.children[index] !== element)) {
      this.#list.replaceChildren(...elements);
    }
    while (this.#list.children.length > elements.length) this.#list.lastChild.remove();
    this.#list.hidden = elements.length === 0;
    this.#empty.hidden = elements.length > 0;
    this.#empty.textContent = say(rows.length === 0 ? 'no_accounts' : 'no_match');
  }

  #update(row) {
    const element = this.#elements.get(row.id) ?? this.#make(row);
    const [name, badge, seen, button] = element.querySelectorAll('.name, .badge, .seen, button');
    const { kind = 'free', stale = false, lastSeenAt } = row.badge ?? {};
    element.dataset.kind = kind;
    element.toggleAttribute('data-stale', stale);
    name.textContent = name.title = row.name;
    badge.textContent = badge.title = badgeText(row.badge);
    badge.hidden = kind === 'free';
    seen.textContent =
      lastSeenAt && stale
        ? say('last_seen', durationText(say, Date.now() - Date.parse(lastSeenAt)))
        : '';
    seen.hidden = !stale;
    button.hidden = !row.action;
    if (row.action) {
      button.textContent = say(row.action);
      button.ariaLabel = `${button.textContent} ${row.name}`;
    }
    return element;
  }

  #make({ id }) {
    const element = find('#row').content.cloneNode(true).firstElementChild;
    fillWords(element);
    element.querySelector('button').addEventListener('click', () => {
      const { name } = this.#rows.find((row) => row.id === id);
      this.onAct({ id, name });
    });
    this.#elements.set(id, element);
    return element;
  }
}

function badgeText(badge) {
  if (!badge) return '';
  if (badge.kind !== 'member') return say(`badge_row_${badge.kind}`);
  return badgeLabel(badge);
}
