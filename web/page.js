/** What the page's modules have in common. */

/**
 * An element that the page has.
 *
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {new () => T} [kind]
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function find(selector, kind, root = document) {
  const element = root.querySelector(selector);
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`There is no ${selector}`);
  return /** @type {T} */ (element);
}

/**
 * What an error says to the viewer.
 *
 * @param {unknown} error
 */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * The name of a person or an account, isolated: its direction changes nothing around it.
 *
 * @param {string} name
 */
export function isolated(name) {
  const element = document.createElement('bdi');
  element.textContent = name;
  return element;
}
