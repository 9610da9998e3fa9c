/** Tabs of one browser. */

/** @import { Locks as BrowsersLocks } from '../src/types.js' */

/** Web Locks, which Node 20 does not have: one holder, and a queue that can be left. */
export class Locks {
  /** @type {Map<string, (() => Promise<void>)[]>} */
  #queues = new Map();

  /**
   * @param {string} name
   * @param {{signal: AbortSignal}} options
   * @param {() => unknown} callback
   * @returns {Promise<unknown>}
   */
  request(name, { signal }, callback) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return new Promise((resolve, reject) => {
      let holds = false;
      const leave = () => {
        queue.splice(queue.indexOf(run), 1);
        if (queue[0]) setImmediate(queue[0]);
      };
      const run = async () => {
        if (signal.aborted || holds) return;
        holds = true;
        resolve(await callback());
        leave();
      };
      signal.addEventListener('abort', () => {
        if (holds) return;
        leave();
        reject(signal.reason);
      });
      if (queue.push(run) === 1) setImmediate(run);
    });
  }
}

/** One tab: the parts of a window that a poller looks at. */
export class Tab extends EventTarget {
  /** @type {{visibilityState: DocumentVisibilityState}} */
  document = { visibilityState: 'visible' };
  location = { href: 'https://board.example/', origin: 'https://board.example' };
  BroadcastChannel = BroadcastChannel;

  /** @param {BrowsersLocks} [locks] */
  constructor(locks) {
    super();
    this.navigator = { onLine: true, locks };
  }

  /** @param {string} event */
  tell(event) {
    this.dispatchEvent(new Event(event));
  }

  /** @param {DocumentVisibilityState} visibilityState */
  show(visibilityState = 'visible') {
    this.document.visibilityState = visibilityState;
    this.tell('visibilitychange');
  }

  hide() {
    this.show('hidden');
  }
}
