/** @import { PresencePoller } from '/client/index.js' */

import { call } from '/client/calls.js';
import { bounded } from '/client/wire.js';

const DEFAULT_SECONDS = 45;
const LONGEST_SECONDS = 3600;

/** Says that its member is still there, for as long as the board is open. */
export class Heartbeat {
  /** @type {string | null | undefined} undefined until it is known */
  #presenceId;

  /**
   * @param {PresencePoller} poller
   * @param {() => string | null} token
   * @param {unknown} interval seconds
   * @param {AbortSignal} signal
   */
  constructor(poller, token, interval, signal) {
    this.poller = poller;
    this.token = token;
    const seconds = bounded(interval, 1, LONGEST_SECONDS, DEFAULT_SECONDS);
    const timer = setInterval(() => this.#beat(), seconds * 1000);
    signal.addEventListener('abort', () => clearInterval(timer));
    // Timers stop while a computer sleeps.
    document.addEventListener('visibilitychange', () => document.hidden || this.#beat(), {
      signal,
    });
  }

  /** @param {string | null} presenceId the member's own presence now */
  follow(presenceId) {
    const isFound = this.#presenceId === undefined;
    this.#presenceId = presenceId;
    if (isFound) this.#beat(); // it may be stale; one that begins later has just been seen
  }

  async #beat() {
    if (!this.#presenceId) return;
    const body = { presence_id: this.#presenceId };
    const beat = call('', 'POST', '/v1/heartbeat', { token: this.token(), body });
    const refused = await beat.then(
      () => false,
      ({ status }) => status > 0,
    );
    // It has ended, or the session has. A hidden tab only renews the token in time.
    if (refused || document.hidden) this.poller.refresh();
  }
}
