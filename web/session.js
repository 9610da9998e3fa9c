/**
 * The session: kept in this tab, and gone with it; or, where its member wants that, on this computer,
 * where all tabs have it.
 *
 * @import { Session } from '/client/index.js'
 *
 * @typedef {Pick<Session, 'token' | 'member' | 'org' | 'heartbeat_interval'>} KeptSession what the
 *   page needs of a session; the accounts come with the polls
 */

const KEY = 'presence.session';
const AREAS = [sessionStorage, localStorage];

/**
 * @param {Storage} area
 * @returns {KeptSession | null}
 */
function read(area) {
  try {
    const session = JSON.parse(area.getItem(KEY) ?? 'null');
    return session?.token && session.member?.id && session.org ? session : null;
  } catch {
    return null; // not written by this page
  }
}

/**
 * @param {Storage} area
 * @param {KeptSession} session
 */
function write(area, { token, member, org, heartbeat_interval }) {
  area.setItem(KEY, JSON.stringify({ token, member, org, heartbeat_interval }));
}

/** The session as it was kept, or null. */
export const kept = () => read(sessionStorage) ?? read(localStorage);

/**
 * Keep a session that has just begun.
 *
 * @param {Session} session
 * @param {boolean} isLasting
 */
export const keep = (session, isLasting) =>
  write(isLasting ? localStorage : sessionStorage, session);

/**
 * Keep a renewed token where that of its member was. A member who signed out meanwhile stays so.
 *
 * @param {Session} session
 */
export function renew(session) {
  const area = AREAS.find((one) => read(one)?.member.id === session.member.id);
  if (area) write(area, session);
}

/** @param {(session: KeptSession) => boolean} isMeant tells this member's sessions from others' */
export function forget(isMeant) {
  for (const area of AREAS) {
    const session = read(area);
    if (!session || isMeant(session)) area.removeItem(KEY);
  }
}
