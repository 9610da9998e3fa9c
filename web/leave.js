/** Signing out. A member who is clocked in chooses what becomes of that, as in the extension. */

import { find, isolated, messageOf } from './page.js';

export class Leaving {
  #dialog = find('#leave', HTMLDialogElement);
  #error = find('#leave-error');
  #buttons = [...this.#dialog.querySelectorAll('button')];

  /**
   * @param {() => string | undefined} place gives the name of the account that the member is on
   * @param {() => Promise<unknown>} clockOut
   * @param {(staysOn: boolean) => void} signOut
   * @param {AbortSignal} signal
   */
  constructor(place, clockOut, signOut, signal) {
    this.place = place;
    this.clockOut = clockOut;
    this.signOut = signOut;
    const acts = [() => this.#clockOutFirst(), () => signOut(true), () => this.close()];
    for (const [index, act] of acts.entries()) {
      this.#buttons[index].addEventListener('click', act, { signal });
    }
  }

  ask() {
    const name = this.place();
    if (!name) return this.signOut(false);
    find('#leave-text').replaceChildren('You are clocked in on ', isolated(name), '.');
    this.#error.textContent = '';
    this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
    find('#leave-text').textContent = '';
  }

  async #clockOutFirst() {
    this.#enable(false);
    try {
      // It may have ended meanwhile, perhaps by the try before.
      if (this.place()) await this.clockOut();
      this.signOut(false);
    } catch (failure) {
      this.#error.textContent = messageOf(failure);
    }
    this.#enable(true);
  }

  /** @param {boolean} isEnabled */
  #enable(isEnabled) {
    for (const button of this.#buttons) button.disabled = !isEnabled;
  }
}
