/** The state in storage, and what always follows it: the alarm, the badge, notifications. */

import { Mutex } from './mutex.js';
import { intended } from './queue.js';
import { alarmEvery, ENDING_ALARM_SECONDS } from './schedule.js';
import { editing, recordOf } from './state.js';

export class StateStore {
  #mutex = new Mutex();

  /** @param {{storage: object, alarm: object, toolbar: object, notify: object}} outside chrome.js */
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

  /** Read, change and write the state: one at a time. */
  change(edit) {
    return this.#mutex.runExclusive(async () => {
      const before = await this.storage.read();
      const after = edit(before);
      if (after === before) return;
      // Before it is written: whoever is stopped in between is woken again.
      await this.alarm.set(Math.min(await this.#every(before), alarmEvery(after)));
      await this.storage.write(after);
      await this.#show(after);
      if (before.who === after.who) await this.#tell(recordOf(before), recordOf(after));
    });
  }

  /** As `change`, in the same turns: who looks whether a session is still there can rely on it. */
  changeSession(edit) {
    return this.#mutex.runExclusive(async () => {
      const state = await this.storage.read();
      await this.storage.setSession(edit(await this.storage.session()), state.keep);
      await this.#show(state);
    });
  }

  /** Sessions that were ended here, and whose server does not know yet; gone with the browser. */
  endings() {
    return this.storage.endings();
  }

  changeEndings(edit) {
    return this.#mutex.runExclusive(async () => {
      await this.storage.setEndings(edit(await this.storage.endings()));
      await this.#show(await this.storage.read());
    });
  }

  /** Change a record: that of `who`, or of whoever is signed in. */
  edit(edit, who) {
    return this.change((state) => editing(state, who ?? state.who, edit));
  }

  /** Make alarm and badge what they should be; updates of the extension drop them. */
  show() {
    return this.#mutex.runExclusive(async () => this.#show(await this.storage.read()));
  }

  async #show(state) {
    await this.alarm.set(await this.#every(state));
    const session = await this.storage.session();
    await this.toolbar.show(state, Boolean(session) && session.who === state.who);
  }

  async #every(state) {
    const endings = await this.storage.endings();
    return Math.min(alarmEvery(state), endings.length > 0 ? ENDING_ALARM_SECONDS : Infinity);
  }

  async #tell(before, after) {
    if (!after) return;
    if (after.asked && !before.asked) await this.notify.ask(intended(after));
    if (before.asked && !after.asked) await this.notify.clear();
    const { notice } = after;
    // Who clicked looks at the answer; who was cleared, or is away, does not.
    const isNews = notice && notice !== before.notice && !notice.kind.startsWith('refused');
    if (isNews) await this.notify.tell(notice);
  }
}
