/** What one can do on the board. An error is said in the server's words. */

import { formatClockIn, formatLastSeen } from '/client/badges.js';
import { call } from '/client/calls.js';
import { isClockedIn, isClockedOut, versionOf } from '/client/wire.js';

const find = (selector) => document.querySelector(selector);

export class Actions {
  #notice = find('#notice');
  #dialog = find('#clear');
  #confirm = find('#clear .danger');

  /**
   * @param poller told to look at once after each change
   * @param token gives the session's token
   */
  constructor(poller, token, signal) {
    this.poller = poller;
    this.token = token;
    this.#notice.querySelector('button').addEventListener('click', () => this.say(''), { signal });
    find('#clear form').addEventListener('submit', (event) => this.#clear(event), { signal });
    find('#clear [type=button]').addEventListener('click', () => this.close(), { signal });
  }

  /** Do what a row's button says. */
  run(action, row) {
    if (action === 'clear') this.#ask(row);
    else if (action === 'out') this.clockOut(row.name, row.button);
    else this.clockIn(row);
  }

  clockIn({ id, name, button }) {
    return this.#try(name, button, '/v1/clock-in', { account_id: id }, isClockedIn);
  }

  clockOut(name, button) {
    const presence_id = this.poller.getState().snapshot.me?.id;
    return this.#try(name, button, '/v1/clock-out', { presence_id, reason: 'user' }, isClockedOut);
  }

  /** End the member's own presence before they sign out: where that fails, they hear of it there. */
  clockOutToLeave() {
    const presence_id = this.poller.getState().snapshot.me?.id;
    const body = { presence_id, reason: 'user' };
    return this.#send('POST', '/v1/clock-out', { body, is: isClockedOut });
  }

  /** Show a sentence above the list, or nothing. */
  say(text) {
    this.#notice.firstElementChild.textContent = text;
    this.#notice.hidden = !text;
  }

  close() {
    this.#dialog.close();
    for (const id of ['clear-title', 'clear-text', 'clear-error']) find(`#${id}`).textContent = '';
  }

  async #try(name, button, path, body, is) {
    this.say('');
    button.disabled = true;
    try {
      await this.#send('POST', path, { body, is });
    } catch (error) {
      this.say(`${name}: ${error.message}`);
    }
    button.disabled = false;
  }

  async #send(method, path, options) {
    try {
      const { headers } = await call('', method, path, { token: this.token(), ...options });
      this.poller.refresh(versionOf(headers));
    } catch (error) {
      this.poller.refresh(); // what was refused was perhaps decided on what is no longer so
      throw error;
    }
  }

  #ask({ id, name, badge }) {
    const presence = this.poller.getState().snapshot.presence.find((one) => one.account_id === id);
    if (!presence) return;
    this.asked = { id, presence_id: presence.presence_id };
    const now = this.poller.now();
    const seen = badge.lastSeenAt ? `, ${formatLastSeen(badge.lastSeenAt, now).toLowerCase()}` : '';
    find('#clear-title').textContent = `Clear ${name}?`;
    find('#clear-text').textContent =
      `${badge.name} has been on it since ${formatClockIn(badge.clockedInAt, { now })}${seen}. ` +
      'They will be clocked out, and anyone can clock in.';
    find('#reason').value = '';
    this.#dialog.showModal();
    find('#reason').focus();
  }

  async #clear(event) {
    event.preventDefault();
    const { id, presence_id } = this.asked;
    const query = new URLSearchParams({ presence_id, reason: find('#reason').value.trim() });
    this.#confirm.disabled = true;
    try {
      await this.#send('DELETE', `/v1/admin/presence/${id}?${query}`);
      this.close();
    } catch (error) {
      find('#clear-error').textContent = error.message;
    }
    this.#confirm.disabled = false;
  }
}
