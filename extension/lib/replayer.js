/**
 * Replays the queue at the server in its order, then sends a heartbeat.
 *
 * @import { ClockEvent, KeptSession, MemberRecord, Outside, Presence, Problem } from './types.js'
 * @import { StateStore } from './state-store.js'
 *
 * @typedef {'due' | 'beat'} Wish with `beat` also a heartbeat that is not due
 *
 * @typedef {object} Sender a member with their session
 * @property {string} who
 * @property {string} server
 * @property {KeptSession} session
 */

import { call, PresenceError } from '../client/calls.js';
import { isClockedIn, isClockedOut, versionOf } from '../client/wire.js';
import { answered, ended, isRefusal, reached, refused, requestOf } from './queue.js';
import { backOff, isBeatDue, isOver } from './schedule.js';
import { halfway, isOpened, opened, sessionOf, skewOf } from './state.js';

export class Replayer {
  /** @type {Promise<void> | null} */
  #replaying = null;
  /** @type {Wish | null} */
  #wanted = null;

  /**
   * @param {StateStore} store
   * @param {Pick<Outside['clock'], 'now' | 'random'>} clock
   * @param {typeof globalThis.fetch} [fetch]
   */
  constructor(store, clock, fetch) {
    this.store = store;
    this.clock = clock;
    this.fetch = fetch;
  }

  /**
   * A call that comes during a round gets another round after it.
   *
   * @param {Wish} [wish]
   */
  replay(wish = 'due') {
    this.#wanted = this.#wanted === 'beat' ? 'beat' : wish;
    this.#replaying ??= this.#rounds();
    return this.#replaying;
  }

  async #rounds() {
    try {
      while (this.#wanted) {
        const wish = this.#wanted;
        this.#wanted = null;
        await this.#round(wish);
      }
    } finally {
      // In the same step as the last look at what is wanted: a call after it begins new rounds.
      this.#replaying = null;
    }
  }

  /** @param {Wish} wish */
  async #round(wish) {
    const { who, server } = await this.store.read();
    const session = await this.store.session();
    // A queue is sent with its own member's token, and with no other.
    if (server === null || !session || session.who !== who) return;
    const sender = { who, server, session };
    if (isOver(session.since, session.renewAt, this.clock.now())) await this.#renew(sender);
    /** @type {MemberRecord | undefined} */
    let record;
    do {
      record = (await this.store.read()).records[who];
    } while (record?.queue.length > 0 && (await this.#deliver(sender, record.queue[0])));
    if (!record?.presence || record.queue.length > 0) return;
    if (wish === 'beat' || isBeatDue(record, this.clock.now())) {
      await this.#beat(sender, record.presence);
    }
  }

  /**
   * A renewal that fails is tried again later. Until the token expires it remains in use.
   *
   * @param {Sender} sender
   */
  async #renew(sender) {
    const { who, server, session } = sender;
    const options = { token: session.token, body: {}, is: isOpened, fetch: this.fetch };
    const answer = await call(server, 'POST', '/v1/sessions/renew', options).catch(() => null);
    const now = this.clock.now();
    const renewed = answer ? sessionOf(server, answer.data, now) : halfway(session, now);
    sender.session = renewed;
    // The member may have signed out meanwhile.
    await this.store.changeSession((stored) =>
      stored?.token === session.token ? renewed : stored,
    );
    if (!answer) return;
    await this.store.change((state) =>
      state.who === who ? opened({ ...state, server }, answer.data) : state,
    );
  }

  /**
   * @param {Sender} sender
   * @param {ClockEvent} event
   * @returns {Promise<boolean>} whether the server answered, so that the next event may go
   */
  async #deliver(sender, event) {
    const { path, body } = requestOf(event);
    const answer = await this.#call(sender, path, body, {
      headers: { 'Idempotency-Key': event.key },
      is: event.kind === 'clock_in' ? isClockedIn : isClockedOut,
      refuse: (problem) => (record) => refused(record, event, problem, this.clock.now()),
    });
    if (answer === 'refused' || !answer) return answer === 'refused';
    const version = versionOf(answer.headers);
    await this.store.edit(
      (record) => ({ ...answered(record, event, answer.data, this.clock.now()), version }),
      sender.who,
    );
    return true;
  }

  /**
   * @param {Sender} sender
   * @param {Presence} presence
   */
  async #beat(sender, { id }) {
    const answer = await this.#call(
      sender,
      '/v1/heartbeat',
      { presence_id: id },
      {
        isFinal: ({ code }) => code === 'presence_ended',
        refuse: (problem) => (record) => ended(record, id, problem, this.clock.now()),
      },
    );
    if (answer === 'refused' || !answer) return;
    const lastBeat = this.clock.now();
    await this.store.edit((record) => ({ ...reached(record), lastBeat }), sender.who);
  }

  /**
   * @param {Sender} sender
   * @param {string} path
   * @param {object} body
   * @param {object} options
   * @param {Record<string, string>} [options.headers]
   * @param {(data: any) => data is any} [options.is]
   * @param {(problem: Problem) => boolean} [options.isFinal] whether a refusal is of what is sent
   * @param {(problem: Problem) => (record: MemberRecord) => MemberRecord} options.refuse what
   *   follows from that
   * @returns the answer, or `'refused'`; null where there was none, and everything has to wait
   */
  async #call({ who, server, session }, path, body, { headers, is, isFinal = isRefusal, refuse }) {
    const { token } = session;
    try {
      const options = { token, body, headers, is, fetch: this.fetch };
      const answer = await call(server, 'POST', path, options);
      await this.#setClock(who, answer.headers);
      return answer;
    } catch (error) {
      if (!(error instanceof PresenceError)) throw error;
      const problem = error.problem && { ...error.problem, status: error.status };
      if (problem && isFinal(problem)) {
        await this.store.edit(refuse(problem), who);
        return 'refused';
      }
      await this.#trouble(who, token, error);
      return null;
    }
  }

  /**
   * @param {string} who
   * @param {string} token
   * @param {PresenceError} error
   */
  #trouble(who, token, { status, problem, retryAfter }) {
    if (status === 401) return this.refuse(token, problem.reason);
    return this.store.edit(
      (record) => ({ ...record, retry: backOff(record.retry, this.clock, retryAfter) }),
      who,
    );
  }

  /**
   * The server no longer accepts a token. The queue waits until its member signs in again.
   *
   * @param {string} token
   * @param {string} reason
   */
  async refuse(token, reason) {
    const session = await this.store.session();
    if (session?.token !== token) return;
    await this.store.change((state) =>
      state.who === session.who ? { ...state, signedOut: reason } : state,
    );
    await this.store.changeSession((stored) => (stored?.token === token ? null : stored));
  }

  /**
   * @param {string} who
   * @param {Headers} headers
   */
  async #setClock(who, headers) {
    const skew = skewOf(headers, this.clock.now());
    if (skew === undefined) return;
    // Answers differ by a second, so only a larger difference is another skew.
    await this.store.edit(
      (record) => (Math.abs(skew - record.skew) <= 1000 ? record : { ...record, skew }),
      who,
    );
  }
}
