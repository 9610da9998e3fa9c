/**
 * What can happen: a click, an alarm, input, a sign-out. The service worker may be stopped at any
 * moment, so each step is stored before the next begins, and nothing is kept outside of storage.
 *
 * @import { Account } from '../client/index.js'
 * @import { Click, Elsewhere, MemberRecord, Outside } from './types.js'
 */

import { call } from '../client/calls.js';
import { discarded, released, retried } from './held-events.js';
import { inputSeen, judge } from './idle.js';
import { clockIn, clockOut, intended } from './queue.js';
import { Replayer } from './replayer.js';
import { isOver } from './schedule.js';
import {
  closed,
  isMe,
  isOpened,
  NOTHING,
  opened,
  recordOf,
  sessionOf,
  skewOf,
  whoOf,
} from './state.js';
import { StateStore } from './state-store.js';

export class Controller {
  /** @param {Outside} outside */
  constructor({ idle, clock, fetch, ...outside }) {
    this.store = new StateStore(outside);
    this.replayer = new Replayer(this.store, clock, fetch);
    this.idle = idle;
    this.clock = clock;
    this.fetch = fetch;
  }

  /** The worker starts, perhaps after an update. */
  start() {
    return this.store.show();
  }

  /** The browser was started, or the extension or the browser was updated. */
  async restart() {
    await this.#release(released);
    await this.tick();
  }

  /** The alarm: look for input, replay the queue, send a heartbeat. */
  async tick() {
    await this.#tellEndings();
    await this.idleChanged(await this.idle.state());
    const retry = recordOf(await this.store.read())?.retry;
    if (!retry || isOver(retry.since, retry.at, this.clock.now())) await this.replayer.replay();
  }

  /** The member looks, or the server was seen again: replay now, whatever failed before. */
  look() {
    return this.replayer.replay('beat');
  }

  /** @param {'active' | 'idle' | 'locked'} state */
  async idleChanged(state) {
    const now = this.clock.now();
    const key = this.clock.uuid();
    let ends = false;
    await this.store.edit((record) => {
      const account = intended(record);
      if (!account) return record;
      const { verdict, at } = judge(record.lastInput, now);
      ends = at !== null;
      if (at !== null) {
        const notice = { kind: 'inactive', account, at };
        return clockOut({ ...record, notice }, { key, at, reason: 'inactivity' });
      }
      const lastInput = inputSeen(record.lastInput, state, now);
      return { ...record, lastInput, asked: verdict === 'ask' && state !== 'active' };
    });
    if (ends) await this.replayer.replay();
  }

  /** @param {Click & {account: Account}} event */
  async clockIn(event) {
    await this.store.edit((record) => clockIn(record, event));
    await this.replayer.replay();
  }

  /** @param {Click & {elsewhere?: Elsewhere}} event */
  async clockOut(event) {
    await this.store.edit((record) =>
      clockOut(withoutNotice(record), { ...event, reason: 'user' }),
    );
    await this.replayer.replay();
  }

  /** @param {{server: string}} chosen */
  async setServer({ server }) {
    await this.#endSession();
    await this.store.change((state) => ({ ...closed(state), server }));
    await this.#tellEndings();
  }

  /** @param {{code: string, keep: boolean}} typed the code is used here and stored nowhere */
  async signIn({ code, keep }) {
    const { server } = await this.store.read();
    if (server === null) return;
    const options = { body: { access_code: code }, is: isOpened, fetch: this.fetch };
    const { data, headers } = await call(server, 'POST', '/v1/sessions', options);
    const now = this.clock.now();
    const skew = skewOf(headers, now);
    await this.store.change((state) => opened({ ...state, server, keep }, data, skew));
    await this.store.changeSession(() => sessionOf(server, data, now));
    const who = whoOf(server, data);
    if (isMe(data)) await this.store.edit((record) => released(record, data.presence), who);
    await this.look();
  }

  /**
   * @param {Click & {staysOn?: boolean, elsewhere?: Elsewhere}} event of clocking out, unless the
   *   member stays on the clock
   */
  async signOut({ staysOn, ...event }) {
    if (!staysOn) await this.clockOut(event);
    await this.#endSession();
    await this.store.change((state) =>
      staysOn ? { ...state, signedOut: 'signed_out' } : closed(state),
    );
    await this.#tellEndings();
  }

  /** Here at once, whatever becomes of the network. */
  async #endSession() {
    const { server } = await this.store.read();
    const session = await this.store.session();
    await this.store.changeSession(() => null);
    if (server === null || !session) return;
    const { token, endsAt } = session;
    await this.store.changeEndings((all) => [...all, { server, token, endsAt }]);
  }

  /** At the server as soon as it answers, unless the token runs out before. */
  async #tellEndings() {
    for (const { server, token, endsAt } of await this.store.endings()) {
      const options = { token, fetch: this.fetch };
      const isOver = await call(server, 'DELETE', '/v1/sessions/current', options).then(
        ({ status }) => status === 204,
        ({ status }) => (status > 0 && status < 500) || !(endsAt > this.clock.now()),
      );
      if (isOver) await this.store.changeEndings((all) => all.filter((one) => one.token !== token));
    }
  }

  /** @param {{keep: boolean}} wish whether the token outlives the browser */
  async setKeep({ keep }) {
    await this.store.change((state) => ({ ...state, keep }));
    await this.store.changeSession((session) => session);
  }

  /** The member has read the notice. */
  dismiss() {
    return this.store.edit(withoutNotice);
  }

  /** The member asks for the held events to be sent again. */
  async retryHeld() {
    await this.#release(retried);
    await this.replayer.replay();
  }

  /**
   * Queue the held events again, if the server answers where the member is.
   *
   * @param {typeof released} release
   */
  async #release(release) {
    const state = await this.store.read();
    const { server, who } = state;
    const session = await this.store.session();
    if (server === null || !who || session?.who !== who || !recordOf(state)?.held.length) return;
    const options = { token: session.token, is: isMe, fetch: this.fetch };
    const answer = await call(server, 'GET', '/v1/me', options).catch(() => null);
    if (answer) await this.store.edit((record) => release(record, answer.data.presence), who);
  }

  /** The member gives up the held events. */
  discardHeld() {
    return this.store.edit(discarded);
  }

  /** @param {Pick<MemberRecord, 'accounts' | 'accountsVersion'>} told what the popup was told */
  setAccounts(told) {
    return this.store.edit((record) => ({ ...record, ...told }));
  }

  /** @param {{token: string, reason: string}} refusal what the popup was told of a token */
  refuse({ token, reason }) {
    return this.replayer.refuse(token, reason);
  }

  /** Forget everything, also what was not sent. */
  async forget() {
    await this.#endSession();
    await this.store.change(() => NOTHING);
    await this.#tellEndings();
    await this.store.changeEndings(() => []);
  }
}

/** @param {MemberRecord} record */
const withoutNotice = (record) => (record.notice ? { ...record, notice: null } : record);
