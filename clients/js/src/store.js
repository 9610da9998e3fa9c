import { aheadOf } from './bounds.js';

/** @import { Clock, Snapshot, State } from './types.js' */

/** @type {State} */
export const NOTHING = {
  status: 'connecting',
  reason: null,
  snapshot: null,
  accounts: null,
  orgs: null,
};

/** @type {Clock} */
export const ownClock = {
  now: () => Date.now(),
  setTimeout: (then, ms) => setTimeout(then, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

/** @param {Snapshot} snapshot */
const headOf = ({ version, view, accounts_version, me }) =>
  JSON.stringify([version, view, accounts_version, me]);

/**
 * Whether two snapshots say the same. Where a tag is missing, or was changed on its way, the bodies
 * tell.
 *
 * @param {Snapshot | null} one
 * @param {string | null} tag of that one
 * @param {Snapshot | null} other
 * @param {string | null} otherTag
 */
function isSame(one, tag, other, otherTag) {
  if (!one || !other) return one === other;
  if (headOf(one) !== headOf(other)) return false;
  return (tag !== null && tag === otherTag) || JSON.stringify(one) === JSON.stringify(other);
}

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
   * Whether an answer only says what is known already.
   *
   * @param {Snapshot | null} snapshot null: not modified
   * @param {Headers} headers
   */
  knows(snapshot, headers) {
    return !snapshot || isSame(snapshot, headers.get('ETag'), this.state.snapshot, this.etag);
  }

  /**
   * The server answered now.
   *
   * @param {number} now by our clock
   * @param {Headers} headers
   * @param {Partial<State>} changes
   * @param {string | null} etag what to ask with the next time
   */
  confirm(now, headers, changes, etag) {
    // Date has whole seconds: what it says is half a second old, give or take as much.
    const skew = (aheadOf(headers, now) ?? this.skew - 500) + 500;
    if (Math.abs(skew - this.skew) > 1000) this.skew = skew;
    this.checkedAt = now + this.skew;
    this.etag = etag;
    this.set({ status: 'live', reason: null, ...changes });
  }

  /** What to tell other tabs. */
  told() {
    const { listeners, ...told } = this;
    return told;
  }

  /** @param {any} told by another tab */
  adopt({ state, ...told }) {
    // A copy of what is here is no change.
    const { status, reason, snapshot } = state;
    const isKnown = isSame(snapshot, told.etag, this.state.snapshot, this.etag);
    this.set(isKnown ? { status, reason } : state);
    Object.assign(this, told);
  }

  /** @param {State} state from now on */
  forget(state) {
    this.etag = this.checkedAt = null;
    this.set(state);
  }
}
