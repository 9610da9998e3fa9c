/** @import { Reason } from './types.js' */

/**
 * Reasons that concern one token only: another tab's may be valid.
 * @type {Reason[]}
 */
export const OWN_REASONS = ['missing', 'invalid', 'expired'];

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
export const reasonOf = ({ reason }) => REASONS.find((one) => one === reason) ?? 'invalid';
