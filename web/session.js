/**
 * The session, kept in this tab, with which it ends, or on this computer, where its member wants
 * that: then all tabs have it.
 */

const KEY = 'presence.session';
const AREAS = [sessionStorage, localStorage];

function read(area) {
  try {
    const session = JSON.parse(area.getItem(KEY));
    return session?.token && session.member?.id && session.org ? session : null;
  } catch {
    return null; // not written by us
  }
}

/** What the page needs of a session's body. The accounts come with the polls. */
function write(area, { token, member, org, heartbeat_interval }) {
  area.setItem(KEY, JSON.stringify({ token, member, org, heartbeat_interval }));
}

/** The session as it was kept, or null. */
export const kept = () => read(sessionStorage) ?? read(localStorage);

/** Keep a session that has just begun. */
export const keep = (session, isLasting) =>
  write(isLasting ? localStorage : sessionStorage, session);

/** Keep a renewed token where that of its member was; whoever signed out meanwhile stays so. */
export function renew(session) {
  const area = AREAS.find((one) => read(one)?.member.id === session.member.id);
  if (area) write(area, session);
}

/** @param isMeant tells the sessions to forget: a tab of another member may keep one too */
export function forget(isMeant) {
  for (const area of AREAS) {
    const session = read(area);
    if (!session || isMeant(session)) area.removeItem(KEY);
  }
}
