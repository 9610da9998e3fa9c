/** The session of this tab: it ends with the tab, or by signing out. */

const KEY = 'presence.session';

/** The session as it was kept, or null. */
export const kept = () => JSON.parse(sessionStorage.getItem(KEY) ?? 'null');

/**
 * Keep what the page needs of a session's body. The accounts come with the polls.
 * @param {{token: string, member: object, org: object, heartbeat_interval: number}} session
 */
export function keep({ token, member, org, heartbeat_interval }) {
  sessionStorage.setItem(KEY, JSON.stringify({ token, member, org, heartbeat_interval }));
}

export const forget = () => sessionStorage.removeItem(KEY);
