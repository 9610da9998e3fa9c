/** @import { Identity, PollerOptions, Tokens } from './types.js' */

/**
 * What a token says of itself. Only the server can verify it.
 *
 * @param {string} token
 * @returns {{iss?: string, sub?: string, org?: string, mid?: string, sid?: string, gen?: number,
 *   iat?: number, exp?: number, acct?: string}} `acct`: the account that its access code is for, if
 *   it is for one
 */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return {};
  }
}

/**
 * Whether the server issued it, and can renew it and end its session. Any other is of a trusted
 * issuer, with whom the page renews it.
 *
 * @param {string} token
 */
export const isOwn = (token) => claimsOf(token).iss === 'presence';

/**
 * What tells a token from another's. An issuer's has no session here: its time of issue stands for
 * that, since what is revoked is every token issued before.
 *
 * @param {string} token
 * @param {string} [org] that the caller chose
 * @returns {Identity}
 */
function identityOf(token, org) {
  const { iss, sub, org: named, mid = sub, acct, sid, gen = 0, iat } = claimsOf(token);
  const member = ` ${iss} ${mid} ${org ?? named} ${acct}`; // `acct` alone sees less
  return { token, org, member, sid: sid ?? String(iat), generation: gen };
}

/** @param {PollerOptions['org']} org */
export const chosenOf = (org) => (typeof org === 'function' ? org() : org) || undefined;

/**
 * The token in use, renewed at half its life if the server issued it.
 *
 * @param {Pick<PollerOptions, 'getToken' | 'onToken' | 'org'>} options
 * @returns {Tokens}
 */
export function tokensFrom({ getToken, onToken, org }) {
  /** @type {Map<string, string>} renewed tokens by the old ones, which getToken may go on giving */
  const successors = new Map();
  /** @type {Map<string, number>} when to try again, by token */
  const later = new Map();
  let isRetrying = false;

  const current = async () => {
    let token = await getToken();
    while (token && successors.has(token)) token = successors.get(token);
    return token ? identityOf(token, chosenOf(org)) : null;
  };

  return {
    current,

    async isReplaced({ token }) {
      const other = isRetrying ? null : await current();
      isRetrying = other !== null && other.token !== token;
      return isRetrying;
    },

    accepted() {
      isRetrying = false;
    },

    async renewIfDue(token, now, renew, signal) {
      const { iat = NaN, exp = NaN } = isOwn(token) ? claimsOf(token) : {};
      const end = exp * 1000;
      const due = later.get(token) ?? (iat * 1000 + end) / 2;
      if (!(due <= now && now < end)) return;
      later.set(token, (now + end) / 2); // where it fails
      try {
        const session = await renew(token, signal);
        if (signal.aborted) return;
        successors.set(token, session.token);
        onToken?.(session.token, session);
      } catch {
        // The token stays in use until it expires; the next poll tells what is wrong with it.
      }
    },
  };
}
