/**
 * Everything that touches Chrome, and nothing that decides.
 *
 * @import { Controller } from './lib/controller.js'
 * @import { Alarm, Clock, Ending, Idle, KeptSession, Notify, Say, Storage, Toolbar } from './lib/types.js'
 */

import { DETECTION_SECONDS } from './lib/idle.js';
import { noticeText } from './lib/messages.js';
import { NOTHING } from './lib/state.js';
import { toolbarOf } from './lib/toolbar.js';

const ALARM = 'presence';
const ROUNDING_MS = 1000; // Chrome's times are finer than ours
const ASKING = 'still-working';
const TELLING = 'ended';
const { local, session: inMemory } = chrome.storage;

/**
 * @template T
 * @param {chrome.storage.StorageArea} area
 * @param {string} key
 * @param {T} otherwise where nothing is stored
 * @returns {Promise<T>}
 */
const read = async (area, key, otherwise) =>
  /** @type {T} */ ((await area.get({ [key]: otherwise }))[key]);

/** @type {KeptSession | null} */
const NO_SESSION = null;
/** @type {Ending[]} */
const NO_ENDINGS = [];

/** @type {Say} */
export const say = (key, ...inserts) => chrome.i18n.getMessage(key, inserts);

/** @type {Clock} */
export const clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
};

/** @type {Storage & {onChange: (listener: () => unknown) => void}} */
export const storage = {
  read: () => read(local, 'state', NOTHING),
  write: (state) => local.set({ state }),
  session: async () =>
    (await read(inMemory, 'session', NO_SESSION)) ?? (await read(local, 'session', NO_SESSION)),
  async setSession(session, keep) {
    // On disk it outlives the browser.
    const [area, other] = keep ? [local, inMemory] : [inMemory, local];
    if (session) await area.set({ session });
    else await area.remove('session');
    await other.remove('session');
  },
  endings: () => read(inMemory, 'endings', NO_ENDINGS),
  setEndings: (endings) => inMemory.set({ endings }),
  onChange: (listener) => chrome.storage.onChanged.addListener(() => void listener()),
};

/** @type {Alarm} */
export const alarm = {
  async set(seconds) {
    // Creating an alarm starts its period anew, so one that is right is left alone. Chrome's go by
    // the wall clock: where that was set back, the next is farther off than its period.
    const found = await chrome.alarms.get(ALARM);
    const latest = clock.now() + seconds * 1000 + ROUNDING_MS;
    if (!Number.isFinite(seconds)) {
      if (found) await chrome.alarms.clear(ALARM);
    } else if (found?.periodInMinutes !== seconds / 60 || found.scheduledTime > latest) {
      await chrome.alarms.create(ALARM, { periodInMinutes: seconds / 60 });
    }
  },
};

/** @type {Idle} */
export const idle = { state: () => chrome.idle.queryState(DETECTION_SECONDS) };

/** @type {Toolbar} */
export const toolbar = {
  async show(state, isSignedIn) {
    const { text, colour, title } = toolbarOf(state, isSignedIn);
    await chrome.action.setBadgeText({ text });
    await chrome.action.setBadgeBackgroundColor({ color: colour });
    await chrome.action.setBadgeTextColor({ color: '#fff' });
    await chrome.action.setTitle({ title: say(...title) });
  },
};

/**
 * @param {string} title
 * @param {string} message
 */
const notification = (title, message) => ({
  type: /** @type {const} */ ('basic'),
  iconUrl: 'icons/128.png',
  title,
  message,
});

/** @type {Notify} */
export const notify = {
  ask: ({ name }) =>
    chrome.notifications.create(ASKING, {
      ...notification(say('ask_title'), say('ask_message', name)),
      buttons: [{ title: say('ask_yes') }],
      requireInteraction: true,
    }),
  clear: () => chrome.notifications.clear(ASKING),
  tell: (notice) =>
    chrome.notifications.create(TELLING, {
      ...notification(say('name'), noticeText(say, notice, Date.now())),
    }),
};

/**
 * Pass on to `controller` what wakes the worker.
 *
 * @param {Controller} controller
 */
export function wake(controller) {
  chrome.idle.setDetectionInterval(DETECTION_SECONDS);
  chrome.idle.onStateChanged.addListener((state) => void controller.idleChanged(state));
  chrome.alarms.onAlarm.addListener(() => void controller.tick());
  chrome.runtime.onInstalled.addListener(() => void controller.restart());
  chrome.runtime.onStartup.addListener(() => void controller.restart());
  chrome.notifications.onButtonClicked.addListener((id) => void touched(controller, id));
  chrome.notifications.onClicked.addListener((id) => void touched(controller, id));
  void controller.start();
}

/**
 * @param {Controller} controller
 * @param {string} id of the notification that was clicked
 */
async function touched(controller, id) {
  await chrome.notifications.clear(id);
  if (id === ASKING) await controller.idleChanged('active');
}

/**
 * Let the extension's pages call these methods of `controller`.
 *
 * @template {string} M
 * @param {{[method in M]: (options: any) => Promise<unknown>}} controller
 * @param {M[]} methods
 */
export function serve(controller, methods) {
  chrome.runtime.onMessage.addListener(({ method, options }, _sender, answer) => {
    const served = methods.find((one) => one === method);
    if (!served) return false;
    controller[served](options).then(
      () => answer({}),
      ({ code = 'internal', message: detail, retryAfter = null }) =>
        answer({ error: { code, detail, retryAfter } }),
    );
    return true; // it answers later
  });
}

const TRIES = 3;

/**
 * Call the controller from a page.
 *
 * @param {string} method
 * @param {object} [options]
 * @returns {Promise<{error?: {code: string, detail: string, retryAfter: number | null}}>}
 */
export async function tell(method, options) {
  for (let tries = 1; ; tries++) {
    try {
      return await chrome.runtime.sendMessage({ method, options });
    } catch (error) {
      // The worker was stopped before it answered. What it had begun, it knows by its key.
      if (tries === TRIES) throw error;
    }
  }
}

export const permission = {
  /** @param {string} pattern */
  has: (pattern) => chrome.permissions.contains({ origins: [pattern] }),
  /**
   * To be called while a click is handled, before anything is awaited.
   *
   * @param {string} pattern
   */
  ask: (pattern) => chrome.permissions.request({ origins: [pattern] }),
  /**
   * False where an administrator's policy allows it: that can't be given back.
   *
   * @param {string} pattern
   */
  drop: (pattern) => chrome.permissions.remove({ origins: [pattern] }).catch(() => false),
};

export const openSettings = () => chrome.runtime.openOptionsPage();

export const version = () => chrome.runtime.getManifest().version;
