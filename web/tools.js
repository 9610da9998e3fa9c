/** The head of the board: what is shown of the list, the connection, the theme. */

const THEMES = { auto: '◐', light: '○', dark: '●' };
const CONNECTIONS = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Reconnecting…',
  offline: 'Offline',
};

const find = (selector) => document.querySelector(selector);

/** Search and filter, with the counts. */
export class Filters {
  #search = find('#search');
  #buttons = [...document.querySelectorAll('#filters button')];
  kind = 'all';

  /**
   * @param onChange called when something else is asked for
   * @param onDown called to go from the search to the list
   */
  constructor(onChange, onDown, signal) {
    this.reset();
    this.onChange = onChange;
    this.#search.addEventListener('input', onChange, { signal });
    this.#search.addEventListener('keydown', (event) => this.#key(event, onDown), { signal });
    for (const button of this.#buttons) {
      button.addEventListener('click', () => this.choose(button.dataset.filter), { signal });
    }
    document.addEventListener('keydown', (event) => this.#slash(event), { signal });
  }

  get words() {
    return this.#search.value;
  }

  choose(kind) {
    this.kind = kind;
    for (const button of this.#buttons) button.ariaPressed = String(button.dataset.filter === kind);
    this.onChange?.();
  }

  reset() {
    this.#search.value = '';
    this.choose('all');
  }

  /** @param seesStale only admins know who is stale */
  show(counts, seesStale) {
    for (const button of this.#buttons) {
      const { filter } = button.dataset;
      const number = button.querySelector('b');
      const text = String(counts[filter]);
      if (number.textContent !== text) number.textContent = text;
      if (filter !== 'stale') continue;
      button.hidden = !seesStale;
      number.classList.toggle('some', counts.stale > 0);
    }
    if (!seesStale && this.kind === 'stale') this.choose('all');
  }

  #key(event, onDown) {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      onDown();
    } else if (event.key === 'Escape') this.reset();
  }

  #slash(event) {
    if (event.key !== '/' || event.target.matches('input') || find('dialog[open]')) return;
    event.preventDefault();
    this.#search.select();
  }
}

/** Say how the connection is, in words and by a shape; and what helps where something is in between. */
export function showConnection(status, reason, checkedAt) {
  const element = find('#connection');
  find('#between').hidden = reason !== 'intercepted';
  if (element.dataset.status === status) return;
  element.dataset.status = status;
  const isOld = status !== 'live' && checkedAt;
  const since = isOld ? ` as of ${new Date(checkedAt).toLocaleTimeString()}` : '';
  element.lastElementChild.textContent = CONNECTIONS[status] + since;
}

/** Let the button choose between the system's theme, light and dark; the choice is remembered. */
export function offerThemes(signal) {
  const { dataset } = document.documentElement;
  const button = find('#theme');
  const say = () => {
    button.textContent = THEMES[dataset.theme];
    button.ariaLabel = button.title = `Theme: ${dataset.theme}`;
  };
  button.addEventListener(
    'click',
    () => {
      const names = Object.keys(THEMES);
      dataset.theme = names[(names.indexOf(dataset.theme) + 1) % names.length];
      localStorage.setItem('presence.theme', dataset.theme);
      say();
    },
    { signal },
  );
  say();
}
