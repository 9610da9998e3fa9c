/**
 * What a member can do on the board. Errors are said in the server's words.
 *
 * @import { PresencePoller } from '/client/index.js'
 * @import { Badge } from '/client/badges.js'
 * @import { Action, Row } from './row.js'
 */

import { formatClockIn, formatLastSeen } from '/client/badges.js';
import { call } from '/client/calls.js';
import { isClockedIn, isClockedOut, versionOf } from '/client/wire.js';
import { find, isolated, messageOf } from './page.js';

export class Actions {
  #notice = find('#notice');
  #dialog = find('#clear', HTMLDialogElement);
  #confirm = find('#clear .danger', HTMLButtonElement);
  #reason = find('#reason', HTMLInputElement);
  /** The presence to be cleared. */
  #asked = { accountId: '', presenceId: '' };

  /**
   * @param {PresencePoller} poller
   * @param {() => string | null} token
   * @param {AbortSignal} signal
   */
  constructor(poller, token, signal) {
    this.poller = poller;
    this.token = token;
    find('#notice button').addEventListener('click', () => this.say(), { signal });
    find('#clear form').addEventListener('submit', (event) => this.#clear(event), { signal });
    find('#clear [type=button]').addEventListener('click', () => this.close(), { signal });
  }

  /**
   * Do what a row's button says.
   *
   * @param {Action} action
   * @param {Row} row
   */
  run(action, row) {
    if (action === 'clear') this.#ask(row);
    else if (action === 'out') this.clockOut(row.name, row.button);
    else this.clockIn(row);
  }

  /** @param {Row} row */
  clockIn({ id, name, button }) {
    const options = { body: { account_id: id }, is: isClockedIn };
    return this.#try(name, button, () => this.#send('POST', '/v1/clock-in', options));
  }

  /**
   * @param {string} name of the account
   * @param {HTMLButtonElement} button
   */
  clockOut(name, button) {
    return this.#try(name, button, () => this.clockOutToLeave());
  }

  /** End the member's own presence; the caller says what went wrong. */
  clockOutToLeave() {
    const presence_id = this.poller.getState().snapshot?.me?.id;
    const body = { presence_id, reason: 'user' };
    return this.#send('POST', '/v1/clock-out', { body, is: isClockedOut });
  }

  /**
   * Show a sentence above the list, or nothing.
   *
   * @param {...(string | Node)} parts
   */
  say(...parts) {
    find('#notice span').replaceChildren(...parts);
    this.#notice.hidden = parts.length === 0;
  }

  close() {
    this.#dialog.close();
    for (const id of ['clear-title', 'clear-text', 'clear-error']) find(`#${id}`).textContent = '';
  }

  /**
   * @param {string} name of the account
   * @param {HTMLButtonElement} button
   * @param {() => Promise<void>} act
   */
  async #try(name, button, act) {
    this.say();
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      this.say(isolated(name), `: ${messageOf(error)}`);
    }
    button.disabled = false;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{body?: object, is?: (data: any) => data is any}} [options]
   */
  async #send(method, path, options) {
    try {
      const { headers } = await call('', method, path, { token: this.token(), ...options });
      this.poller.refresh(versionOf(headers));
    } catch (error) {
      this.poller.refresh(); // the board may have shown what is no longer so
      throw error;
    }
  }

  /** @param {Row} row */
  #ask({ id, name, badge }) {
    const { snapshot } = this.poller.getState();
    const entry = snapshot?.presence.find((one) => one.account_id === id);
    if (!entry?.presence_id || !badge) return;
    this.#asked = { accountId: id, presenceId: entry.presence_id };
    const now = this.poller.now();
    const seen = badge.lastSeenAt ? `, ${formatLastSeen(badge.lastSeenAt, now).toLowerCase()}` : '';
    find('#clear-title').replaceChildren('Clear ', isolated(name), '?');
    find('#clear-text').replaceChildren(
      isolated(badge.name ?? ''),
      ` has been on it since ${formatClockIn(badge.clockedInAt ?? '', { now })}${seen}. `,
      'They will be clocked out, and anyone can clock in.',
    );
    this.#reason.value = '';
    this.#dialog.showModal();
    this.#reason.focus();
  }

  /** @param {Event} event */
  async #clear(event) {
    event.preventDefault();
    const { accountId, presenceId } = this.#asked;
    const reason = this.#reason.value.trim();
    const query = new URLSearchParams({ presence_id: presenceId, reason });
    this.#confirm.disabled = true;
    try {
      await this.#send('DELETE', `/v1/admin/presence/${accountId}?${query}`);
      this.close();
    } catch (error) {
      find('#clear-error').textContent = messageOf(error);
    }
    this.#confirm.disabled = false;
  }
}
