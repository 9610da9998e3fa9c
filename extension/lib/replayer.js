/** Sends what waits: the queue in its order, then a heartbeat. */

import { call, PresenceError } from '../client/calls.js';
import { isClockedIn, isClockedOut, versionOf } from '../client/wire.js';
import { answered, ended, isRefusal, reached, refused, requestOf } from './queue.js';
import { backOff, isBeatDue, isOver } from './schedule.js';
import { halfway, isOpened, opened, sessionOf, skewOf } from './state.js';

export class Replayer {
  #sending = null;
  #wanted = null;

  /**
   * @param {import('./state-store.js').StateStore} store
   * @param {{now: () => number, random: () => number}} clock
   * @param {typeof globalThis.fetch} [fetch]
   */
  constructor(store, clock, fetch) {
    this.store = store;
    this.clock = clock;
    this.fetch = fetch;
  }

  /**
   * Whoever asks while it sends gets another round after this one.
   *
   * @param {'due' | 'beat'} [wish] with `beat` also a heartbeat that is not due
   */
  replay(wish = 'due') {
    this.#wanted = this.#wanted === 'beat' ? 'beat' : wish;
    this.#sending ??= this.#rounds();
    return this.#sending;
  }

  async #rounds() {
    try {
      while (this.#wanted) {
        const wish = this.#wanted;
        this.#wanted = null;
        await this.#round(wish);
      }
    } finally {
      // At once: who asks after the last look at what is wanted begins anew.
      this.#sending = null;
    }
  }

  async #round(wish) {
    const { who, server } = await this.store.read();
    const session = await this.store.session();
    // A queue is sent with its own member's token, and with no other.
    if (!session || session.who !== who) return;
    const line = { who, server, session };
    if (isOver(session.since, session.renewAt, this.clock.now())) await this.#renew(line);
    let record;
    do {
      record = (await this.store.read()).records[who];
    } while (record?.queue.length > 0 && (await this.#deliver(line, record.queue[0])));
    if (!record?.presence || record.queue.length > 0) return;
    if (wish === 'beat' || isBeatDue(record, this.clock.now())) await this.#beat(line, record);
  }

  /** A renewal that fails is tried again later; until it ends the token serves on. */
  async #renew(line) {
    const { server, session } = line;
    const options = { token: session.token, body: {}, is: isOpened, fetch: this.fetch };
    const answer = await call(server, 'POST', '/v1/sessions/renew', options).catch(() => null);
    const now = this.clock.now();
    line.session = answer ? sessionOf(server, answer.data, now) : halfway(session, now);
    const isStill = (stored) => stored?.token === session.token;
    // The member may have signed out while it was asked for.
    await this.store.changeSession((stored) => (isStill(stored) ? line.session : stored));
    if (!answer) return;
    await this.store.change((state) =>
      state.who === line.who ? opened(state, answer.data) : state,
    );
  }

  /** @returns {Promise<boolean>} whether the server has spoken, so that the next may go */
  async #deliver(line, event) {
    const { path, body } = requestOf(event);
    const refuse = (problem) => (record) => refused(record, event, problem, this.clock.now());
    const is = event.kind === 'clock_in' ? isClockedIn : isClockedOut;
    const answer = await this.#call(line, path, body, { key: event.key, refuse, is });
    if (answer?.data) {
      const version = versionOf(answer.headers);
      const take = (record) => answered(record, event, answer.data, this.clock.now());
      await this.store.edit((record) => ({ ...take(record), version }), line.who);
    }
    return answer !== null;
  }

  async #beat(line, { presence: { id } }) {
    const refuse = (problem) => (record) => ended(record, id, problem, this.clock.now());
    const answer = await this.#call(line, '/v1/heartbeat', { presence_id: id }, { refuse });
    if (!answer?.status) return;
    const lastBeat = this.clock.now();
    await this.store.edit((record) => ({ ...reached(record), lastBeat }), line.who);
  }

  /**
   * @param {{key?: string, refuse?: (problem: object) => (record: object) => object,
   *   is?: (data: any) => boolean}} [options]
   *   `refuse`: what follows from a refusal of what is sent
   * @returns {Promise<object | null>} the answer, empty where it was such a refusal; null where
   *   there was none, and all has to wait
   */
  async #call({ who, server, session }, path, body, { key, refuse, is } = {}) {
    const { token } = session;
    const headers = key ? { 'Idempotency-Key': key } : {};
    try {
      const options = { token, body, headers, is, fetch: this.fetch };
      const answer = await call(server, 'POST', path, options);
      await this.#setClock(who, answer.headers);
      return answer;
    } catch (error) {
      if (!(error instanceof PresenceError)) throw error;
      if (refuse && isRefusal(error)) {
        await this.store.edit(refuse(error.problem), who);
        return {};
      }
      await this.#trouble(who, session, error);
      return null;
    }
  }

  #trouble(who, { token }, { status, problem, retryAfter }) {
    if (status === 401) return this.refuse(token, problem.reason);
    const retry = (record) => backOff(record.retry, this.clock, retryAfter);
    return this.store.edit((record) => ({ ...record, retry: retry(record) }), who);
  }

  /** The server takes a token no more. Its queue waits until its member signs in again. */
  async refuse(token, reason) {
    const session = await this.store.session();
    if (session?.token !== token) return;
    await this.store.change((state) =>
      state.who === session.who ? { ...state, signedOut: reason } : state,
    );
    await this.store.changeSession((stored) => (stored?.token === token ? null : stored));
  }

  async #setClock(who, headers) {
    const skew = skewOf(headers, this.clock.now());
    // Answers differ by a second: another skew is one that differs by more than that.
    const isSame = (record) => skew === undefined || Math.abs(skew - record.skew) <= 1000;
    await this.store.edit((record) => (isSame(record) ? record : { ...record, skew }), who);
  }
}
