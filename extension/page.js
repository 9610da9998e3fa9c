/** What the extension's pages have in common. */

import { say } from './chrome.js';

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
 * Put the messages where the page names their keys.
 *
 * @param {ParentNode} root
 */
export function fillWords(root) {
  for (const [attribute, put] of FILLED) {
    for (const element of root.querySelectorAll(`[${attribute}]`)) {
      put(element, say(element.getAttribute(attribute) ?? ''));
    }
  }
}

/** @type {[string, (element: Element, text: string) => void][]} */
const FILLED = [
  ['data-say', (element, text) => (element.textContent = text)],
  ['data-say-label', label],
  ['data-say-placeholder', (element, text) => element.setAttribute('placeholder', text)],
];

/**
 * @param {Element} element
 * @param {string} text
 */
function label(element, text) {
  element.ariaLabel = text;
  if (element instanceof HTMLButtonElement) element.title = text;
}

/**
 * Show a text, or hide the element where there is none.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function showText(element, text) {
  const place = element.querySelector('span') ?? element;
  if (place.textContent !== text) place.textContent = text;
  element.hidden = text === '';
}

/** An event of the clock, made where the member clicks. */
export const clicked = () => ({ key: crypto.randomUUID(), at: Date.now() });
