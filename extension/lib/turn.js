/**
 * One at a time: what is given to the answer begins when all that was given before has ended,
 * however it ended. So what read an older state does not write or show it last.
 *
 * @returns {<T>(act: () => Promise<T>) => Promise<T>}
 */
export function turns() {
  let turn = Promise.resolve();
  return (act) => (turn = turn.then(act, act));
}
