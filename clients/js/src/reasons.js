/** @import { Reason } from './types.js' */

/**
 * Why one is signed out, where that concerns one token only: another tab's may be good.
 * @type {Reason[]}
 */
export const OWN_REASONS = ['missing', 'invalid', 'expired'];

/**
 * Where it concerns one session: tabs with another one look for themselves.
 * @type {Reason[]}
 */
export const SESSION_REASONS = ['revoked', 'signed_out'];

/** @type {Reason[]} */
const REASONS = [...OWN_REASONS, ...SESSION_REASONS, 'deactivated', 'unknown_member'];

/**
 * What a refusal says of a token.
 * @param {{reason?: unknown}} problem
 */
export const reasonOf = ({ reason }) => REASONS.find((one) => one === reason) ?? 'invalid';
