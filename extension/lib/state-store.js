/**
 * The state store, and what follows each change: the alarm, the badge, notifications.
 *
 * @import { Ending, KeptSession, MemberRecord, Outside, State } from './types.js'
 */

import { Mutex } from './mutex.js';
import { intended } from './queue.js';
import { alarmEvery, ENDING_ALARM_SECONDS } from './schedule.js';
import { editing, recordOf } from './state.js';

export class StateStore {
  #mutex = new Mutex();

  /** @param {Pick<Outside, 'storage' | 'alarm' | 'toolbar' | 'notify'>} outside */
  constructor({ storage, alarm, toolbar, notify }) {
    this.storage = storage;
    this.alarm = alarm;
    this.toolbar = toolbar;
    this.notify = notify;
  }

  read() {
    return this.storage.read();
  }

  session() {
    return this.storage.session();
  }

  /**
   * Read, change and write the state, one change at a time.
   *
   * @param {(state: State) => State} edit
   */
  change(edit) {
    return this.#mutex.runExclusive(async () => {
      const before = await this.storage.read();
      const after = edit(before);
      if (after === before) return;
      // Before it is written: a worker that is stopped in between is woken again.
      await this.alarm.set(Math.min(await this.#every(before), alarmEvery(after)));
      await this.storage.write(after);
      await this.#show(after);
      if (before.who === after.who) await this.#tell(recordOf(before), recordOf(after));
    });
  }

  /**
   * Change the session under the same mutex: what `edit` finds is still there when it writes.
   *
   * @param {(session: KeptSession | null) => KeptSession | null} edit
   */
  changeSession(edit) {
    return this.#mutex.runExclusive(async () => {
      const state = await this.storage.read();
      await this.storage.setSession(edit(await this.storage.session()), state.keep);
      await this.#show(state);
    });
  }

  /** Sessions that ended here and whose server does not know yet. They are gone with the browser. */
  endings() {
    return this.storage.endings();
  }

  /** @param {(endings: Ending[]) => Ending[]} edit */
  changeEndings(edit) {
    return this.#mutex.runExclusive(async () => {
      await this.storage.setEndings(edit(await this.storage.endings()));
      await this.#show(await this.storage.read());
    });
  }

  /**
   * Change a record: that of `who`, or of the member who is signed in.
   *
   * @param {(record: MemberRecord) => MemberRecord} edit
   * @param {string} [who]
   */
  edit(edit, who) {
    return this.change((state) => editing(state, who ?? state.who, edit));
  }

  /** Set alarm and badge again, which an update of the extension drops. */
  show() {
    return this.#mutex.runExclusive(async () => this.#show(await this.storage.read()));
  }

  /** @param {State} state */
  async #show(state) {
    await this.alarm.set(await this.#every(state));
    const session = await this.storage.session();
    await this.toolbar.show(state, session !== null && session.who === state.who);
  }

  /** @param {State} state */
  async #every(state) {
    const endings = await this.storage.endings();
    return Math.min(alarmEvery(state), endings.length > 0 ? ENDING_ALARM_SECONDS : Infinity);
  }

  /**
   * @param {MemberRecord | null} before
   * @param {MemberRecord | null} after
   */
  async #tell(before, after) {
    if (!before || !after) return;
    const account = intended(after);
    if (account && after.asked && !before.asked) await this.notify.ask(account);
    if (before.asked && !after.asked) await this.notify.clear();
    const { notice } = after;
    // A member who clicked sees the refusal in the popup. One who was cleared, or is away, does not.
    const isNews = notice && notice !== before.notice && !notice.kind.startsWith('refused');
    if (isNews) await this.notify.tell(notice);
  }
}
