/** @import { Clock, State } from './types.js' */

/** @type {State} */
export const NOTHING = { status: 'connecting', reason: null, snapshot: null, accounts: null };

/** @type {Clock} */
export const ownClock = {
  now: () => Date.now(),
  setTimeout: (then, ms) => setTimeout(then, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

/** What is known: of the org, and of the server's clock. */
export class Store {
  /** The same object as long as nothing changes. */
  state = NOTHING;
  /** @type {Set<() => void>} */
  listeners = new Set();
  /** @type {string | null} of the snapshot */
  etag = null;
  /** @type {number | null} when the snapshot was last confirmed, by the server's clock */
  checkedAt = null;
  /** How many ms the server's clock is ahead of ours. */
  skew = 0;

  /** @param {Partial<State>} changes */
  set(changes) {
    const next = { ...this.state, ...changes };
    const keys = /** @type {(keyof State)[]} */ (Object.keys(next));
    if (keys.every((key) => next[key] === this.state[key])) return;
    this.state = Object.freeze(next);
    // Each by itself: what one throws is reported like any error, and stops nobody.
    this.listeners.forEach(queueMicrotask);
  }

  /**
   * The server answered now.
   *
   * @param {number} now by our clock
   * @param {Headers} headers
   * @param {Partial<State>} changes
   */
  confirm(now, headers, changes) {
    // Date has whole seconds: what it says is half a second old, give or take as much.
    const skew = Date.parse(headers.get('Date') ?? '') + 500 - now;
    if (Math.abs(skew - this.skew) > 1000) this.skew = skew;
    this.checkedAt = now + this.skew;
    this.etag = headers.get('ETag');
    this.set({ status: 'live', ...changes });
  }

  /** What to tell other tabs. */
  told() {
    const { listeners, ...told } = this;
    return told;
  }

  /** @param {any} told by another tab */
  adopt({ state, ...told }) {
    // A copy of what is here is no change.
    this.set(told.etag === this.etag ? { status: state.status } : state);
    Object.assign(this, told);
  }

  /** @param {State} state from now on */
  forget(state) {
    this.etag = this.checkedAt = null;
    this.set(state);
  }
}
