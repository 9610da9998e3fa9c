import { isOrgRequired } from './answers.js';

/** @import { Org, Reason } from './types.js' */

/**
 * Reasons that concern one token only: another tab's may be valid.
 * @type {Reason[]}
 */
export const OWN_REASONS = ['missing', 'invalid', 'expired', 'org_required'];

/**
 * Reasons that concern one session: tabs with another one ask for themselves.
 * @type {Reason[]}
 */
export const SESSION_REASONS = ['revoked', 'signed_out'];

/** @type {Reason[]} */
const REASONS = [...OWN_REASONS, ...SESSION_REASONS, 'deactivated', 'unknown_member'];

/**
 * Why a refusal says that a token is not accepted.
 * @param {{reason?: unknown}} problem
 */
const reasonOf = ({ reason }) => REASONS.find((one) => one === reason) ?? 'invalid';

/**
 * Why a refusal ends the polling; null where the poller tries again.
 * @param {{status: number, problem: any}} refusal
 * @returns {{reason: Reason, orgs?: Org[]} | null}
 */
export function endBy({ status, problem }) {
  if (status === 401) return { reason: reasonOf(problem) };
  if (status === 403) return { reason: 'forbidden' };
  if (isOrgRequired(problem)) return { reason: 'org_required', orgs: problem.orgs };
  return null;
}
