/** What the extension's pages have in common. */

import { say } from './chrome.js';

export const find = (selector) => document.querySelector(selector);

/** Put the messages where the page names their keys. */
export function fillWords(root) {
  for (const element of root.querySelectorAll('[data-say]')) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of root.querySelectorAll('[data-say-label]')) {
    element.ariaLabel = say(element.dataset.sayLabel);
    if (element.matches('button')) element.title = element.ariaLabel;
  }
  for (const element of root.querySelectorAll('[data-say-placeholder]')) {
    element.placeholder = say(element.dataset.sayPlaceholder);
  }
}

/** Show a text, or nothing of the element where there is none. */
export function showText(element, text) {
  const place = element.querySelector('span') ?? element;
  if (place.textContent !== text) place.textContent = text;
  element.hidden = text === '';
}

/** An event of the clock, made where the member clicks. */
export const clicked = () => ({ key: crypto.randomUUID(), at: Date.now() });
