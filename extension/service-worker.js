import { alarm, badge, clock, idle, notify, serve, store, wake } from './chrome.js';
import { Keeper } from './lib/keeper.js';

const keeper = new Keeper({ store, alarm, badge, notify, idle, clock });

wake(keeper);
serve(keeper, [
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
  'forget',
]);
