/** All that touches Chrome, and nothing that decides. */

import { DETECTION_SECONDS } from './lib/idle.js';
import { noticeText } from './lib/messages.js';
import { NOTHING } from './lib/state.js';
import { toolbarOf } from './lib/toolbar.js';

const ALARM = 'presence';
const ROUNDING_MS = 1000; // Chrome's times are finer than ours
const ASKING = 'still-working';
const TELLING = 'ended';
const { local, session: inMemory } = chrome.storage;

export const say = (key, ...inserts) => chrome.i18n.getMessage(key, inserts);

export const clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
};

export const storage = {
  read: async () => (await local.get('state')).state ?? NOTHING,
  write: (state) => local.set({ state }),
  session: async () =>
    (await inMemory.get('session')).session ?? (await local.get('session')).session ?? null,
  /** @param {boolean} keep on disk, so that it outlives the browser */
  async setSession(session, keep) {
    const [area, other] = keep ? [local, inMemory] : [inMemory, local];
    if (session) await area.set({ session });
    else await area.remove('session');
    await other.remove('session');
  },
  endings: async () => (await inMemory.get('endings')).endings ?? [],
  setEndings: (endings) => inMemory.set({ endings }),
  onChange: (listener) => chrome.storage.onChanged.addListener(() => void listener()),
};

export const alarm = {
  /**
   * An alarm that is made anew starts its time anew, so a right one is left alone. Chrome's go by
   * the wall clock: where that was set back, the next is farther off than its period.
   */
  async set(seconds) {
    const found = await chrome.alarms.get(ALARM);
    const latest = clock.now() + seconds * 1000 + ROUNDING_MS;
    if (!Number.isFinite(seconds)) {
      if (found) await chrome.alarms.clear(ALARM);
    } else if (found?.periodInMinutes !== seconds / 60 || found.scheduledTime > latest) {
      await chrome.alarms.create(ALARM, { periodInMinutes: seconds / 60 });
    }
  },
};

export const idle = { state: () => chrome.idle.queryState(DETECTION_SECONDS) };

export const toolbar = {
  async show(state, isSignedIn) {
    const { text, colour, title } = toolbarOf(state, isSignedIn);
    await chrome.action.setBadgeText({ text });
    await chrome.action.setBadgeBackgroundColor({ color: colour });
    await chrome.action.setBadgeTextColor({ color: '#fff' });
    await chrome.action.setTitle({ title: say(...title) });
  },
};

const notification = (title, message) => ({
  type: 'basic',
  iconUrl: 'icons/128.png',
  title,
  message,
});

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

/** Let `controller` hear of all that wakes the worker. */
export function wake(controller) {
  chrome.idle.setDetectionInterval(DETECTION_SECONDS);
  chrome.idle.onStateChanged.addListener((state) => void controller.idleChanged(state));
  chrome.alarms.onAlarm.addListener(() => void controller.tick());
  chrome.runtime.onInstalled.addListener(() => void controller.tick());
  chrome.runtime.onStartup.addListener(() => void controller.tick());
  chrome.notifications.onButtonClicked.addListener((id) => void touched(controller, id));
  chrome.notifications.onClicked.addListener((id) => void touched(controller, id));
  void controller.start();
}

async function touched(controller, id) {
  await chrome.notifications.clear(id);
  if (id === ASKING) await controller.idleChanged('active');
}

/** Let the extension's pages call these methods of `controller`. */
export function serve(controller, methods) {
  chrome.runtime.onMessage.addListener(({ method, options }, _sender, answer) => {
    if (!methods.includes(method)) return false;
    controller[method](options).then(
      () => answer({}),
      ({ code = 'internal', message: detail, retryAfter }) =>
        answer({ error: { code, detail, retryAfter } }),
    );
    return true; // it answers later
  });
}

const TRIES = 3;

/**
 * Call the controller from a page.
 *
 * @returns {Promise<{error?: object}>}
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
  has: (pattern) => chrome.permissions.contains({ origins: [pattern] }),
  /** To be called while a click is handled, before anything is awaited. */
  ask: (pattern) => chrome.permissions.request({ origins: [pattern] }),
  /** What an administrator's policy allows can't be given back. */
  drop: (pattern) => chrome.permissions.remove({ origins: [pattern] }).catch(() => false),
};

export const openSettings = () => chrome.runtime.openOptionsPage();

export const version = () => chrome.runtime.getManifest().version;
