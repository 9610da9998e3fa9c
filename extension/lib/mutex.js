/** Lets one run at a time, in the order of the calls. */
export class Mutex {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * Run `act` once everything before it has ended, however it ended: so what has read an older
   * state neither writes nor shows it last.
   *
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  runExclusive(act) {
    const run = this.#last.then(act, act);
    this.#last = run;
    return run;
  }
}
