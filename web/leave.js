/** Signing out. Who is clocked in says what becomes of that; the extension asks the same. */

const find = (selector) => document.querySelector(selector);

export class Leaving {
  #dialog = find('#leave');
  #error = find('#leave-error');
  #buttons = [...this.#dialog.querySelectorAll('button')];

  /**
   * @param place gives the name of the account that the member is on, or null
   * @param clockOut ends that
   * @param signOut told whether the member stays clocked in
   */
  constructor(place, clockOut, signOut, signal) {
    Object.assign(this, { place, clockOut, signOut });
    const acts = [() => this.#clockOutFirst(), () => signOut(true), () => this.close()];
    for (const [index, act] of acts.entries()) {
      this.#buttons[index].addEventListener('click', act, { signal });
    }
  }

  ask() {
    const name = this.place();
    if (!name) return this.signOut(false);
    find('#leave-text').textContent = `You are clocked in on ${name}.`;
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
      this.#error.textContent = failure.message;
    }
    this.#enable(true);
  }

  #enable(isEnabled) {
    for (const button of this.#buttons) button.disabled = !isEnabled;
  }
}
