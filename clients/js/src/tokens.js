/** @import { Identity, PollerOptions, Tokens } from './types.js' */

/**
 * What a token says of itself. Only the server can verify it.
 *
 * @param {string} token
 * @returns {{org?: string, mid?: string, sid?: string, gen?: number, iat?: number, exp?: number,
 *   acct?: string}} `acct`: the account that its access code is for, if it is for one
 */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return {};
  }
}

/**
 * What tells a token from another's.
 *
 * @param {string} token
 * @returns {Identity}
 */
export function identityOf(token) {
  const { org, mid, sid, gen = 0 } = claimsOf(token);
  return { token, member: ` ${org} ${mid}`, sid, generation: gen };
}

/**
 * The token in use, renewed at half its life.
 *
 * @param {PollerOptions['getToken']} getToken
 * @param {PollerOptions['onToken']} onToken
 * @returns {Tokens}
 */
export function tokensFrom(getToken, onToken) {
  /** @type {Map<string, string>} renewed tokens by the old ones, which getToken may go on giving */
  const successors = new Map();
  /** @type {Map<string, number>} when to try again, by token */
  const later = new Map();

  return {
    async current() {
      let token = await getToken();
      while (token && successors.has(token)) token = successors.get(token);
      return token;
    },

    async renewIfDue(token, now, renew, signal) {
      const { iat = NaN, exp = NaN } = claimsOf(token);
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
