/**
 * Polls the snapshot while the popup is open.
 *
 * @import { PresenceError, Snapshot } from '../client/index.js'
 */

import { call } from '../client/calls.js';
import { bounded, intervalOf, isSnapshot, LARGEST_VERSION } from '../client/wire.js';

const LONGEST_REST_MS = 15_000;
const DEFAULT_INTERVAL_SECONDS = 2; // until the server has said X-Poll-Interval

export class SnapshotPoller {
  /** @type {string | null} */
  #etag = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #polling = false;
  #again = false;
  #minVersion = 0;
  #interval = DEFAULT_INTERVAL_SECONDS;
  #life = {}; // another one after each stop

  /** @type {'connecting' | 'live' | 'reconnecting'} */
  status = 'connecting';
  /** @type {Snapshot | null} */
  snapshot = null;

  /**
   * @param {object} options
   * @param {() => Promise<{server: string, token?: string}>} options.where read each time
   * @param {() => void} options.onChange
   * @param {(token: string, reason: string) => void} options.onRefused it has stopped
   * @param {{random: () => number}} options.clock
   * @param {typeof globalThis.fetch} [options.fetch]
   */
  constructor({ where, onChange, onRefused, clock, fetch }) {
    this.where = where;
    this.onChange = onChange;
    this.onRefused = onRefused;
    this.clock = clock;
    this.fetch = fetch;
  }

  /** Poll at once; with `minVersion`, to see a write of the member's own for certain. */
  refresh(minVersion = 0) {
    this.#minVersion = Math.max(this.#minVersion, bounded(minVersion, 0, LARGEST_VERSION, 0));
    this.#again = true;
    if (!this.#polling) void this.#poll();
  }

  /** Stop and forget everything: the next to look may be another member. */
  stop() {
    clearTimeout(this.#timer);
    this.#life = {};
    this.#polling = false;
    this.#failures = 0;
    this.#minVersion = 0;
    this.#interval = DEFAULT_INTERVAL_SECONDS;
    this.#etag = null;
    this.snapshot = null;
    this.status = 'connecting';
  }

  async #poll() {
    clearTimeout(this.#timer);
    this.#polling = true;
    this.#again = false;
    const life = this.#life;
    const { server, token } = await this.where();
    const options = { token, headers: this.#conditions(), is: isSnapshot, fetch: this.fetch };
    const asked = call(server, 'GET', '/v1/presence', options);
    const rest = await asked.then(
      (answer) => (life === this.#life ? this.#take(answer) : 0),
      (error) => (life === this.#life ? this.#trouble(error, token) : 0),
    );
    if (life !== this.#life) return;
    this.#polling = false;
    this.#timer = setTimeout(() => this.#poll(), this.#again ? 0 : rest);
  }

  #conditions() {
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.#etag) headers['If-None-Match'] = this.#etag;
    if (this.#minVersion) headers['Presence-Min-Version'] = String(this.#minVersion);
    return headers;
  }

  /**
   * @param {{data: Snapshot | null, headers: Headers}} answer
   * @returns {number} ms until the next poll
   */
  #take({ data, headers }) {
    this.#failures = 0;
    // A proxy may have dropped the tag, or the 304: then what is known already comes again.
    const isOther = data !== null && JSON.stringify(data) !== JSON.stringify(this.snapshot);
    const isNews = isOther || this.status !== 'live';
    this.status = 'live';
    if (data) this.#etag = headers.get('ETag');
    if (isOther) this.snapshot = data;
    this.#interval = intervalOf(headers, this.#interval);
    if (isNews) this.onChange();
    return this.#interval * 1000;
  }

  /**
   * @param {PresenceError} error
   * @param {string | undefined} token
   * @returns {number} ms until the next poll
   */
  #trouble({ status, problem, retryAfter }, token) {
    if (status === 401 && token) {
      this.stop();
      this.onRefused(token, problem.reason);
    } else if (this.status !== 'reconnecting') {
      this.status = 'reconnecting';
      this.onChange();
    }
    const longest = Math.min(1000 * 2 ** ++this.#failures, LONGEST_REST_MS);
    return Math.max((longest * (1 + this.clock.random())) / 2, (retryAfter ?? 0) * 1000);
  }
}
