/**
 * The same, but one at a time, each when the one before has ended, however it ended: what read an
 * older state shall not show it last.
 *
 * @param {() => Promise<void>} act
 * @returns {() => Promise<void>}
 */
export function inTurn(act) {
  let turn = Promise.resolve();
  return () => (turn = turn.then(act, act));
}
