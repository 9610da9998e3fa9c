/** @import { Account, Clock, Snapshot, State } from './types.js' */

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

  /**
   * @param {Partial<State>} changes
   * @returns {boolean} whether that is another state
   */
  set(changes) {
    const next = { ...this.state, ...changes };
    const keys = /** @type {(keyof State)[]} */ (Object.keys(next));
    const changed = keys.some((key) => next[key] !== this.state[key]);
    if (changed) {
      this.state = Object.freeze(next);
      // Each by itself: what one throws is reported like any error, and stops nobody.
      this.listeners.forEach(queueMicrotask);
    }
    return changed;
  }

  /**
   * The server answered now.
   *
   * @param {number} now by our clock
   * @param {Headers} headers
   * @param {Snapshot | null} snapshot null where it is still the same
   * @param {Account[] | null} accounts
   */
  confirm(now, headers, snapshot, accounts) {
    // Date has whole seconds: what it says is half a second old, give or take as much.
    const skew = Date.parse(headers.get('Date') ?? '') + 500 - now;
    if (Math.abs(skew - this.skew) > 1000) this.skew = skew;
    this.checkedAt = now + this.skew;
    if (snapshot) this.etag = headers.get('ETag');
    return this.set({ status: 'live', snapshot: snapshot ?? this.state.snapshot, accounts });
  }

  /**
   * What to tell other tabs.
   *
   * @param {boolean} whole or only that it still holds
   */
  told(whole) {
    const { state, etag, checkedAt, skew } = this;
    return whole ? { state, etag, checkedAt, skew } : { checkedAt, skew };
  }

  /** @param {any} message what another tab told */
  adopt({ state = this.state, etag = this.etag, checkedAt, skew }) {
    // A copy of what is here is no change.
    this.set(etag === this.etag ? { status: state.status } : state);
    Object.assign(this, { etag, checkedAt, skew });
  }

  /** @param {State} state from now on */
  forget(state) {
    this.etag = this.checkedAt = null;
    this.set(state);
  }
}
