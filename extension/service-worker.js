import { alarm, clock, idle, notify, serve, storage, toolbar, wake } from './chrome.js';
import { Controller } from './lib/controller.js';

const controller = new Controller({ storage, alarm, toolbar, notify, idle, clock });

wake(controller);
serve(controller, [
  'look',
  'clockIn',
  'clockOut',
  'setServer',
  'signIn',
  'signOut',
  'setKeep',
  'setAccounts',
  'refuse',
  'dismiss',
  'retryHeld',
  'discardHeld',
  'forget',
]);
