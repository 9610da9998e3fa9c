/**
 * @typedef {object} Own the viewer's own presence
 * @property {string} id
 * @property {string} account_id
 * @property {string} clocked_in_at
 *
 * @typedef {object} Entry an occupied account; a VA sees nothing but its id
 * @property {string} account_id
 * @property {string} [presence_id]
 * @property {string} [user_id]
 * @property {string} [display_name]
 * @property {string} [clocked_in_at]
 * @property {'active' | 'stale'} [state]
 * @property {string | null} [last_seen_at]
 *
 * @typedef {object} Snapshot the body of `GET /v1/presence`
 * @property {number} version
 * @property {'admin' | 'va'} view
 * @property {number} accounts_version
 * @property {number} stale_after
 * @property {Entry[]} presence
 * @property {Own | null} me
 *
 * @typedef {{id: string, name: string}} Account
 *
 * @typedef {{id: string, name: string}} Org
 *
 * @typedef {object} Session what signing in and renewing answer
 * @property {string} token
 * @property {'Bearer'} token_type
 * @property {string} expires_at
 * @property {string} session_id
 * @property {{id: string, user_id: string, display_name: string, role: 'admin' | 'va'}} member
 * @property {{id: string, name: string}} org
 * @property {Account[]} accounts
 * @property {Own | null} presence
 * @property {number} heartbeat_interval
 * @property {number} poll_interval
 *
 * @typedef {'connecting' | 'live' | 'reconnecting' | 'offline' | 'signed-out'} Status
 *
 * @typedef {'missing' | 'invalid' | 'expired' | 'revoked' | 'signed_out' | 'deactivated'
 *   | 'unknown_member' | 'forbidden' | 'org_required' | 'intercepted'} Reason why one is signed out;
 *   `intercepted`: why one is reconnecting
 *
 * @typedef {object} State
 * @property {Status} status
 * @property {Reason | null} reason
 * @property {Snapshot | null} snapshot
 * @property {Account[] | null} accounts
 * @property {Org[] | null} orgs of a user of several, to choose from: with the reason `org_required`
 *
 * @typedef {{presence: Own, released_account_id: string | null}} ClockedIn
 *
 * @typedef {{cleared: boolean, account_id: string | null}} ClockedOut
 *
 * @typedef {object} Clock
 * @property {() => number} now ms since 1970
 * @property {(then: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} random from 0 to 1
 *
 * @typedef {object} Locks the part of a browser's `LockManager` that elects a leader
 * @property {(name: string, options: {signal: AbortSignal}, callback: () => unknown) =>
 *   Promise<unknown>} request
 *
 * @typedef {object} Scope the parts of a browser's window that are there, if any
 * @property {Pick<Document, 'visibilityState'>} [document]
 * @property {{href: string, origin: string}} [location]
 * @property {{onLine?: boolean, locks?: Locks}} [navigator]
 * @property {typeof BroadcastChannel} [BroadcastChannel]
 * @property {EventTarget['addEventListener']} [addEventListener]
 *
 * @typedef {object} PollerOptions
 * @property {string} [url] the server's; '' is the page's own origin
 * @property {() => string | null | undefined | Promise<string | null | undefined>} getToken
 * @property {(token: string, session: Session) => void} [onToken] keeps a renewed token
 * @property {string | (() => string | null | undefined)} [org] the id of the org, for a token of a
 *   trusted issuer that names none
 * @property {number} [wait] seconds that the server may hold an answer for (`Prefer: wait`)
 * @property {boolean} [share] poll once for all tabs of this browser
 * @property {typeof globalThis.fetch} [fetch]
 * @property {Clock} [clock]
 * @property {Scope} [scope] the window
 */

/**
 * @template [T=any]
 * @typedef {object} CallOptions
 * @property {string | null} [token]
 * @property {string} [org] of a token that names none: `Presence-Org`
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {(data: any) => data is T} [is] whether a body is what the service would answer
 * @property {typeof globalThis.fetch} [fetch]
 * @property {RequestCache} [cache]
 * @property {boolean} [keepalive] sent even if the page is left
 * @property {AbortSignal} [signal] instead of a limit of 10 s
 */

/**
 * @template [T=any]
 * @typedef {object} Answer
 * @property {number} status
 * @property {T} data null with 204 and 304, which only calls without `is` or with a condition get
 * @property {Headers} headers
 */

/**
 * @typedef {object} Server what a poller asks
 * @property {(caller: Caller, etag: string | null, minVersion: number, wait: number,
 *   signal: AbortSignal) => Promise<{data: any, headers: Headers}>} snapshot `etag` is of the last
 *   one, `wait` in seconds; data is null with 304
 * @property {(caller: Caller, signal: AbortSignal) => Promise<Account[]>} accounts
 * @property {(token: string, signal: AbortSignal) => Promise<Session>} renew
 * @property {(token: string) => Promise<boolean>} end the session; tells whether the server knows, or
 *   there is none
 * @property {() => Promise<void>} evict leave no snapshot in the browser's cache: the 401 takes its
 *   place
 *
 * @typedef {{token: string, org: string | undefined}} Caller
 *
 * @typedef {Caller & Named} Identity of a token
 *
 * @typedef {object} Named
 * @property {string} member
 * @property {string} sid the session's id, or what stands for it
 * @property {number} generation revoking a member's tokens begins another
 *
 * @typedef {object} Tokens
 * @property {() => Promise<Identity | null>} current
 * @property {(refused: Identity) => Promise<boolean>} isReplaced whether another token is there by
 *   now, to be tried at once: not if that was just tried
 * @property {() => void} accepted the server took the current one
 * @property {(token: string, now: number, renew: Server['renew'], signal: AbortSignal) =>
 *   Promise<void>} renewIfDue if half its life is over; where that fails, again after half of the
 *   rest. `now`: ms by the server's clock
 *
 * @typedef {object} Pace how long to rest, in seconds
 * @property {(headers: Headers, took: number) => number} afterAnswer that was waited for so long
 * @property {(retryAfter: number | null) => number} afterFailure
 *
 * @typedef {object} Tabs of one browser
 * @property {() => boolean} isLeading
 * @property {() => boolean} compete to lead, at once or when the leader gives up; tells whether that
 *   is new
 * @property {() => void} rest let another tab lead
 * @property {(message: unknown) => void} say to the other tabs
 * @property {() => void} close
 */

export {};
