/** Calls to the service: JSON in, JSON out. */

import { isProblem, isRecord } from './answers.js';
import { retryAfterOf } from './bounds.js';

const PATIENCE_MS = 10_000; // for an answer

/** A refusal of the service's, or no answer of its at all. */
export class PresenceError extends Error {
  /**
   * @param {number} status 0 when the service did not answer
   * @param {object | null} problem the whole body
   * @param {number | null} retryAfter seconds
   */
  constructor(status, problem, retryAfter) {
    super(problem?.detail ?? 'The service did not answer.');
    this.status = status;
    this.code = problem?.code ?? 'unreachable';
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/**
 * @param {string} server its origin
 * @param {string} method
 * @param {string} path
 * @param {{token?: string, body?: object, headers?: object, is?: (data: any) => boolean,
 *   fetch?: typeof fetch}} [options] `is`: whether a body is what the service would answer
 * @returns {Promise<{status: number, data: any, headers: Headers}>} data is null with 204 and 304
 * @throws {PresenceError}
 */
export async function call(server, method, path, options = {}) {
  const { token, body, headers, is, fetch = globalThis.fetch } = options;
  const unreachable = () => {
    throw new PresenceError(0, null, null);
  };
  const answer = await fetch(server + path, {
    method,
    headers: {
      ...headers,
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    body: body ? JSON.stringify(body) : null,
    cache: 'no-store',
    credentials: 'omit',
    // A token goes to the server that the member named, and nowhere else.
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch(unreachable);
  const data = parsed(await answer.text().catch(unreachable));
  return read(answer, data, is, Boolean(headers?.['If-None-Match']));
}

/** What is not the service's word, a proxy's page for one, is no answer, whatever its status. */
function read({ ok, status, headers }, data, is, isConditional) {
  const retryAfter = retryAfterOf(headers);
  if (status >= 400 && isProblem(headers, data)) throw new PresenceError(status, data, retryAfter);
  const isOurs =
    status === 304 ? isConditional : ok && (status === 204 ? !is : (is ?? isRecord)(data));
  if (!isOurs) throw new PresenceError(0, null, retryAfter);
  return { status, data, headers };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
