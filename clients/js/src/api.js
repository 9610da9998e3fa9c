/** @import { Session } from './types.js' */

/** A refusal, or no answer at all. */
export class PresenceError extends Error {
  /**
   * @param {number} status 0 when no answer came
   * @param {any} problem the whole body, or null
   * @param {number | null} retryAfter seconds
   */
  constructor(status = 0, problem = null, retryAfter = null) {
    super(problem?.detail ?? "The server can't be reached. Try again.");
    this.name = 'PresenceError';
    this.status = status;
    /** @type {string} the problem's code, or `unreachable` */
    this.code = problem?.code ?? 'unreachable';
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/**
 * @typedef {object} CallOptions
 * @property {string | null} [token]
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {typeof globalThis.fetch} [fetch]
 * @property {RequestCache} [cache]
 * @property {AbortSignal} [signal]
 */

/**
 * Call the service, JSON in and out.
 *
 * @param {string} url the server's, '' for the page's own
 * @param {string} method
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<{status: number, data: any, headers: Headers}>} data is null with 204 and 304
 * @throws {PresenceError}
 */
export async function call(
  url,
  method,
  path,
  { token, body, headers, fetch = globalThis.fetch, cache = 'no-store', signal } = {},
) {
  /** @type {Record<string, string>} */
  const sent = { ...headers };
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  const unreachable = () => {
    throw new PresenceError();
  };
  const answer = await fetch(url.replace(/\/$/, '') + path, {
    method,
    headers: sent,
    body: JSON.stringify(body),
    cache,
    signal,
    credentials: 'omit',
  }).catch(unreachable);
  const text = await answer.text().catch(unreachable);
  const { status, headers: received } = answer;
  const data = parsed(text);
  // A page in between, a hotel's for one, says 200 too, but not in JSON.
  if (status >= 400 || (text && !data)) {
    throw new PresenceError(status, data, Number(received.get('Retry-After')) || null);
  }
  return { status, data, headers: received };
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Sign in, without clocking in.
 *
 * @param {string} url
 * @param {string} accessCode
 * @param {CallOptions} [options]
 * @returns {Promise<Session>}
 */
export async function signIn(url, accessCode, options) {
  const body = { access_code: accessCode };
  return (await call(url, 'POST', '/v1/sessions', { ...options, body })).data;
}
