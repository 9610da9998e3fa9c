/**
 * @import { Account, Session } from '../client/index.js'
 *
 * @typedef {object} ClockEvent what a member did, until the server has answered it
 * @property {string} key its Idempotency-Key
 * @property {'clock_in' | 'clock_out'} kind
 * @property {string} occurred_at by the server's clock
 * @property {Account} account
 * @property {'user' | 'inactivity'} [reason] of a clock-out
 * @property {string} [presence_id] the presence that a clock-out ends, or
 * @property {string} [after] the key of the clock-in whose answer will name it
 *
 * @typedef {{key: string, at: number}} Click an event as the page makes it: `at` in ms by this
 *   computer's clock
 *
 * @typedef {{id: string, account: Account}} Elsewhere a presence that began in another browser
 *
 * @typedef {object} Presence one that began here
 * @property {string} id
 * @property {Account} account
 * @property {string} since
 *
 * @typedef {object} Notice what the member has to know
 * @property {string} kind of the message `notice_<kind>`
 * @property {Account} account
 * @property {number} at
 * @property {boolean} [dropped] whether a clock-out was dropped with it
 *
 * @typedef {{failures: number, since: number, at: number}} Retry when to try again
 *
 * @typedef {object} MemberRecord what is stored of one member
 * @property {string} server
 * @property {{id: string, name: string, role: string}} member
 * @property {{id: string, name: string}} org
 * @property {Account[]} accounts
 * @property {number} accountsVersion
 * @property {number} heartbeat seconds
 * @property {string | null} bound the account that the access code is for, if it is for one
 * @property {Presence | null} presence
 * @property {ClockEvent[]} queue oldest first
 * @property {ClockEvent[]} held what the server refused as invalid, oldest first (held-events.js)
 * @property {number} lastBeat
 * @property {number} lastInput
 * @property {boolean} asked whether "Still working?" is unanswered
 * @property {Retry | null} retry while the server does not answer
 * @property {Notice | null} notice
 * @property {number} skew how many ms the server's clock is ahead
 * @property {number} version of the view after the last write
 *
 * @typedef {object} State all that is stored but the session
 * @property {string | null} server
 * @property {boolean} keep whether the session outlives the browser
 * @property {string | null} who the record of the member who signed in last
 * @property {string | null} signedOut why the server refused the session
 * @property {{[who: string]: MemberRecord}} records
 *
 * @typedef {object} KeptSession
 * @property {string} who
 * @property {string} token
 * @property {number} endsAt
 * @property {number} since
 * @property {number} renewAt
 *
 * @typedef {{server: string, token: string, endsAt: number}} Ending a session that ended here, and
 *   that the server has not been told of
 *
 * @typedef {{code: string, status?: number, reason?: string, [field: string]: unknown}} Problem
 *
 * @typedef {(key: string, ...inserts: string[]) => string} Say gives a message of _locales/
 */

/**
 * @typedef {object} Storage
 * @property {() => Promise<State>} read
 * @property {(state: State) => Promise<void>} write
 * @property {() => Promise<KeptSession | null>} session
 * @property {(session: KeptSession | null, keep: boolean) => Promise<void>} setSession
 * @property {() => Promise<Ending[]>} endings
 * @property {(endings: Ending[]) => Promise<void>} setEndings
 *
 * @typedef {{set: (seconds: number) => Promise<void>}} Alarm
 *
 * @typedef {{show: (state: State, isSignedIn: boolean) => Promise<void>}} Toolbar
 *
 * @typedef {object} Notify
 * @property {(account: Account) => Promise<unknown>} ask
 * @property {() => Promise<unknown>} clear
 * @property {(notice: Notice) => Promise<unknown>} tell
 *
 * @typedef {{state: () => Promise<'active' | 'idle' | 'locked'>}} Idle
 *
 * @typedef {{now: () => number, random: () => number, uuid: () => string}} Clock
 *
 * @typedef {object} Outside chrome.js, or a test's
 * @property {Storage} storage
 * @property {Alarm} alarm
 * @property {Toolbar} toolbar
 * @property {Notify} notify
 * @property {Idle} idle
 * @property {Clock} clock
 * @property {typeof globalThis.fetch} [fetch]
 */

export {};
