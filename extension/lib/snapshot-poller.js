/** Polls the snapshot while the popup is open. */

import { call } from '../client/calls.js';
import { bounded, intervalOf, isSnapshot, LARGEST_VERSION } from '../client/wire.js';

const LONGEST_REST_MS = 15_000;
const DEFAULT_INTERVAL_SECONDS = 2; // until the server has said X-Poll-Interval

export class SnapshotPoller {
  #etag = null;
  #timer = null;
  #failures = 0;
  #polling = false;
  #again = false;
  #minVersion = 0;
  #interval = DEFAULT_INTERVAL_SECONDS;
  #life = {}; // another one after each stop

  /** 'connecting' | 'live' | 'reconnecting' */
  status = 'connecting';
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
    Object.assign(this, { where, onChange, onRefused, clock, fetch });
  }

  /** Poll at once; with `minVersion`, to see what was written oneself. */
  refresh(minVersion = 0) {
    this.#minVersion = Math.max(this.#minVersion, bounded(minVersion, 0, LARGEST_VERSION, 0));
    this.#again = true;
    if (!this.#polling) void this.#poll();
  }

  /** Stop and forget: the next to look may be another member. */
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
      (answer) => life === this.#life && this.#take(answer),
      (error) => life === this.#life && this.#trouble(error, token),
    );
    if (life !== this.#life) return;
    this.#polling = false;
    this.#timer = setTimeout(() => this.#poll(), this.#again ? 0 : rest);
  }

  #conditions() {
    return {
      ...(this.#etag && { 'If-None-Match': this.#etag }),
      ...(this.#minVersion && { 'Presence-Min-Version': String(this.#minVersion) }),
    };
  }

  /** @returns {number} ms until the next poll */
  #take({ data, headers }) {
    this.#failures = 0;
    // A proxy may have dropped the tag, or the 304: then what is known already comes again.
    const isOther = data && JSON.stringify(data) !== JSON.stringify(this.snapshot);
    const isNews = isOther || this.status !== 'live';
    this.status = 'live';
    if (data) this.#etag = headers.get('ETag');
    if (isOther) this.snapshot = data;
    this.#interval = intervalOf(headers, this.#interval);
    if (isNews) this.onChange();
    return this.#interval * 1000;
  }

  /** @returns {number} ms until the next poll */
  #trouble({ status, problem, retryAfter }, token) {
    if (status === 401) {
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
