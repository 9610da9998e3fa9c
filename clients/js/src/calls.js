import { isProblem, isRecord, isSession } from './answers.js';
import { retryAfterOf } from './bounds.js';

/** @import { Answer, CallOptions, Session } from './types.js' */

const TIME_LIMIT_MS = 10_000; // for the whole answer
const AWAY = "The server can't be reached. Try again.";
const INTERCEPTED =
  'Something in between answers instead of the server, perhaps a sign-on page. Reload the page.';

/** The service refused the call, or did not answer it. */
export class PresenceError extends Error {
  /**
   * @param {number} status 0 when the service did not answer
   * @param {any} problem the whole body, or null
   * @param {number | null} retryAfter seconds
   * @param {boolean} intercepted whether something in between answered, other than that the server
   *   is away
   */
  constructor(status = 0, problem = null, retryAfter = null, intercepted = false) {
    super(problem?.detail ?? (intercepted ? INTERCEPTED : AWAY));
    this.name = 'PresenceError';
    this.status = status;
    /** @type {string} the problem's code, or `unreachable` */
    this.code = problem?.code ?? 'unreachable';
    this.problem = problem;
    this.retryAfter = retryAfter;
    this.intercepted = intercepted;
  }
}

/**
 * Call the service, JSON in and out. The call ends after 10 s, and follows no redirect. An answer that
 * is not the service's own, such as a proxy's 403 or a sign-on page, is an error of status 0, whatever
 * status it came with.
 *
 * @template [T=any]
 * @param {string} url the server's, '' for the page's own
 * @param {string} method
 * @param {string} path
 * @param {CallOptions<T>} [options]
 * @returns {Promise<Answer<T>>}
 * @throws {PresenceError}
 */
export async function call(url, method, path, options = {}) {
  const {
    token,
    org,
    body,
    headers,
    fetch = globalThis.fetch,
    cache = 'no-store',
    is,
    keepalive,
  } = options;
  const { signal = AbortSignal.timeout(TIME_LIMIT_MS) } = options;
  /** @type {Record<string, string>} */
  const sent = { ...headers };
  if (token) sent.Authorization = `Bearer ${token}`;
  if (org) sent['Presence-Org'] = org;
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
    keepalive,
    // A cookie sign-on in front of the page's own origin needs its cookies.
    credentials: 'same-origin',
    redirect: 'manual', // the service never redirects: a token goes to no other server
  }).catch(unreachable);
  const data = parsed(await answer.text().catch(unreachable));
  const { status, headers: received } = answer;
  const isRefusal = status >= 400 && isProblem(received, data);
  if (isRefusal) throw new PresenceError(status, data, retryAfterOf(received));
  const isOurs =
    status === 304
      ? 'If-None-Match' in sent
      : answer.ok && (status === 204 ? !is : (is ?? isRecord)(data));
  if (!isOurs) throw new PresenceError(0, null, retryAfterOf(received), status < 500);
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
 * @param {CallOptions<Session>} [options]
 * @returns {Promise<Session>}
 */
export async function signIn(url, accessCode, options) {
  const body = { access_code: accessCode };
  return (await call(url, 'POST', '/v1/sessions', { is: isSession, ...options, body })).data;
}
