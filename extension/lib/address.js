/** The server's address, as people type it. */

const OWN_HOSTS = ['localhost', '127.0.0.1'];

/**
 * The origin that was meant.
 *
 * @param {string} typed
 * @returns {{url: string} | {problem: 'address_bad' | 'address_insecure'}}
 */
export function addressOf(typed) {
  const text = typed.trim();
  const scheme = OWN_HOSTS.some((host) => text.startsWith(host)) ? 'http' : 'https';
  const url = parsed(text.includes('://') ? text : `${scheme}://${text}`);
  if (!url?.hostname || !/^https?:$/.test(url.protocol)) return { problem: 'address_bad' };
  // Codes and tokens do not cross a network in the clear.
  if (url.protocol === 'http:' && !OWN_HOSTS.includes(url.hostname)) {
    return { problem: 'address_insecure' };
  }
  return { url: url.origin };
}

/**
 * The host permission for a server: Chrome's patterns have no port.
 *
 * @param {string} server
 */
export function patternOf(server) {
  const { protocol, hostname } = new URL(server);
  return `${protocol}//${hostname}/*`;
}

/** @param {string} text */
const parsed = (text) => (URL.canParse(text) ? new URL(text) : null);
