/** Which answers are the service's own; the others come from something in between. */

/** @import { Account, ClockedIn, ClockedOut, Org, Session, Snapshot } from './types.js' */

const CODE = /^[a-z][a-z_]{0,63}$/;

/**
 * @param {any} value
 * @param {Record<string, string>} kinds of its properties, as `typeof` names them
 */
function has(value, kinds) {
  return Object.keys(kinds).every((name) => typeof value?.[name] === kinds[name]);
}

const NAMED = { id: 'string', name: 'string' };

/** @param {any} list */
const isListOfNamed = (list) =>
  Array.isArray(list) && list.every((/** @type {any} */ one) => has(one, NAMED));

const OWN = { id: 'string', account_id: 'string', clocked_in_at: 'string' };
const OCCUPIED = { account_id: 'string' };
const HELD = {
  ...OCCUPIED,
  presence_id: 'string',
  display_name: 'string',
  clocked_in_at: 'string',
};

/**
 * @param {any} data
 * @returns {data is any}
 */
export const isRecord = (data) => data !== null && typeof data === 'object' && !Array.isArray(data);

/**
 * A refusal: only problem+json with a code.
 *
 * @param {Headers} headers
 * @param {any} data
 */
export function isProblem(headers, data) {
  const [type] = (headers.get('Content-Type') ?? '').toLowerCase().split(';');
  return (
    type.trim() === 'application/problem+json' &&
    has(data, { code: 'string' }) &&
    CODE.test(data.code)
  );
}

/**
 * @param {any} problem
 * @returns {problem is {orgs: Org[]}}
 */
export const isOrgRequired = (problem) =>
  problem?.code === 'org_required' && isListOfNamed(problem.orgs);

/**
 * @param {any} data
 * @returns {data is Snapshot}
 */
export function isSnapshot(data) {
  const isAdmins = data?.view === 'admin';
  return (
    (isAdmins || data?.view === 'va') &&
    Number.isSafeInteger(data.version) &&
    Number.isSafeInteger(data.accounts_version) &&
    Array.isArray(data.presence) &&
    data.presence.every((/** @type {any} */ one) => has(one, isAdmins ? HELD : OCCUPIED)) &&
    (data.me === null || has(data.me, OWN))
  );
}

/**
 * @param {any} data
 * @returns {data is {accounts: Account[]}}
 */
export const isAccounts = (data) => isListOfNamed(data?.accounts);

/**
 * @param {any} data
 * @returns {data is Session}
 */
export const isSession = (data) =>
  has(data, { token: 'string' }) &&
  has(data.member, { id: 'string', display_name: 'string' }) &&
  has(data.org, NAMED);

/**
 * @param {any} data
 * @returns {data is ClockedIn}
 */
export const isClockedIn = (data) => has(data?.presence, OWN);

/**
 * @param {any} data
 * @returns {data is ClockedOut}
 */
export const isClockedOut = (data) => has(data, { cleared: 'boolean' });
