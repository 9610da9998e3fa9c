/** The state in storage, and what always follows it: the alarm, the badge, notifications. */

import { alarmEvery, ENDING_ALARM_SECONDS } from './pace.js';
import { intended } from './queue.js';
import { editing, recordOf } from './records.js';
import { turns } from './turn.js';

export class Memory {
  #inTurn = turns();

  /** @param {{store: object, alarm: object, badge: object, notify: object}} outside chrome.js */
  constructor({ store, alarm, badge, notify }) {
    this.store = store;
    this.alarm = alarm;
    this.badge = badge;
    this.notify = notify;
  }

  read() {
    return this.store.read();
  }

  session() {
    return this.store.session();
  }

  /** Read, change and write the state: one at a time. */
  change(edit) {
    return this.#inTurn(async () => {
      const before = await this.store.read();
      const after = edit(before);
      if (after === before) return;
      // Before it is written: whoever is stopped in between is woken again.
      await this.alarm.set(Math.min(await this.#every(before), alarmEvery(after)));
      await this.store.write(after);
      await this.#show(after);
      if (before.who === after.who) await this.#tell(recordOf(before), recordOf(after));
    });
  }

  /** As `change`, in the same turns: who looks whether a session is still there can rely on it. */
  changeSession(edit) {
    return this.#inTurn(async () => {
      const state = await this.store.read();
      await this.store.setSession(edit(await this.store.session()), state.keep);
      await this.#show(state);
    });
  }

  /** Sessions that were ended here, and whose server does not know yet; gone with the browser. */
  endings() {
    return this.store.endings();
  }

  changeEndings(edit) {
    return this.#inTurn(async () => {
      await this.store.setEndings(edit(await this.store.endings()));
      await this.#show(await this.store.read());
    });
  }

  /** Change a record: that of `who`, or of whoever is signed in. */
  edit(edit, who) {
    return this.change((state) => editing(state, who ?? state.who, edit));
  }

  /** Make alarm and badge what they should be; updates of the extension drop them. */
  show() {
    return this.#inTurn(async () => this.#show(await this.store.read()));
  }

  async #show(state) {
    await this.alarm.set(await this.#every(state));
    const session = await this.store.session();
    await this.badge.show(state, Boolean(session) && session.who === state.who);
  }

  async #every(state) {
    const endings = await this.store.endings();
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
