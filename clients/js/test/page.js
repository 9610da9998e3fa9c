/** A page for React to render into. Import it before react-dom, which looks for one. */

import { format } from 'node:util';

import { JSDOM } from 'jsdom';

/** @import { FunctionComponent, ReactNode } from 'react' */
/** @import { Root } from 'react-dom/client' */

const { window } = new JSDOM('<!doctype html><body></body>', { pretendToBeVisual: true });

/** @type {(string | null)[]} what jsdom, which lays nothing out, was asked to scroll to */
export const scrolledTo = [];
window.Element.prototype.scrollIntoView = function scrollIntoView() {
  scrolledTo.push(this.textContent);
};

Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true });

const { act, createElement } = await import('react');
const { createRoot, hydrateRoot } = await import('react-dom/client');

/** Anything that React complains about fails the test that it happens in. */
console.error = (...said) => {
  throw new Error(format(...said));
};

/** @type {Set<Root>} */
const roots = new Set();

function emptied() {
  document.body.innerHTML = '<main></main>';
  return find('main');
}

/** @param {Root} root */
function rendered(root) {
  roots.add(root);
  return {
    /** @param {ReactNode} element */
    update: (element) => act(async () => root.render(element)),
    unmount: () => act(async () => root.unmount()),
  };
}

/**
 * @template {object} P
 * @param {FunctionComponent<P>} component
 * @param {P} [props]
 */
export async function render(component, props) {
  const root = createRoot(emptied());
  await act(async () => root.render(createElement(component, props)));
  return rendered(root);
}

/**
 * Make what a server rendered come alive; what it did not render the same is an error.
 *
 * @template {object} P
 * @param {string} html
 * @param {FunctionComponent<P>} component
 * @param {P} [props]
 */
export async function hydrate(html, component, props) {
  const page = emptied();
  page.innerHTML = html;
  /** @param {unknown} error */
  const fail = (error) => {
    throw error;
  };
  const root = await act(async () =>
    hydrateRoot(page, createElement(component, props), { onRecoverableError: fail }),
  );
  return rendered(root);
}

export async function unmountAll() {
  await act(async () => {
    for (const root of roots) root.unmount();
  });
  roots.clear();
}

export const text = () => find('main').textContent;

/** @param {string} selector of what is there */
export function find(selector) {
  const found = document.querySelector(selector);
  if (!(found instanceof window.HTMLElement)) throw new Error(`there is no ${selector}`);
  return found;
}

/** @param {string} selector */
export const findAll = (selector) => [
  .../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector)),
];

const focused = () => find(':focus');

/**
 * @param {string} key
 * @param {KeyboardEventInit} [more]
 */
export async function press(key, more = {}) {
  const event = new window.KeyboardEvent('keydown', {
    key,
    bubbles: true,
    cancelable: true,
    ...more,
  });
  await act(async () => focused().dispatchEvent(event));
  return event;
}

export const leave = () => act(async () => focused().blur());

/** @param {HTMLElement} element */
export function click(element) {
  return act(async () => {
    const down = new window.MouseEvent('mousedown', { bubbles: true, cancelable: true });
    if (element.dispatchEvent(down)) element.focus();
    element.click();
  });
}

/**
 * @param {HTMLElement} input
 * @param {string} value
 */
export function type(input, value) {
  return act(async () => {
    // React watches the property that it set itself, and would take this for its own doing.
    Reflect.set(window.HTMLInputElement.prototype, 'value', value, input);
    input.dispatchEvent(new window.Event('input', { bubbles: true }));
  });
}

const PATIENCE_MS = 20_000; // on a busy machine

/**
 * Wait until React shows what it should.
 *
 * @param {() => boolean} isSo
 */
export async function until(isSo) {
  const giveUp = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > giveUp) throw new Error(`in vain: ${isSo}; the page says: ${text()}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 5)));
  }
}
