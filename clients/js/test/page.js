/** A page for React to render into. Import it before react-dom, which looks for one. */

import { format } from 'node:util';

import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!doctype html><body></body>', { pretendToBeVisual: true });

/** What jsdom, which lays nothing out, was asked to scroll to. */
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

const roots = new Set();

function emptied() {
  document.body.innerHTML = '<main></main>';
  return document.querySelector('main');
}

function rendered(root) {
  roots.add(root);
  return {
    update: (element) => act(async () => root.render(element)),
    unmount: () => act(async () => root.unmount()),
  };
}

export async function render(component, props) {
  const root = createRoot(emptied());
  await act(async () => root.render(createElement(component, props)));
  return rendered(root);
}

/** Make what a server rendered come alive; what it did not render the same is an error. */
export async function hydrate(html, component, props) {
  const page = emptied();
  page.innerHTML = html;
  const fail = (error) => {
    throw error;
  };
  let root;
  await act(async () => {
    root = hydrateRoot(page, createElement(component, props), { onRecoverableError: fail });
  });
  return rendered(root);
}

export async function unmountAll() {
  await act(async () => {
    for (const root of roots) root.unmount();
  });
  roots.clear();
}

export const text = () => document.querySelector('main').textContent;

export const find = (selector) => document.querySelector(selector);

export const findAll = (selector) => [...document.querySelectorAll(selector)];

export async function press(key, more = {}) {
  const event = new window.KeyboardEvent('keydown', {
    key,
    bubbles: true,
    cancelable: true,
    ...more,
  });
  await act(async () => document.activeElement.dispatchEvent(event));
  return event;
}

export const leave = () => act(async () => document.activeElement.blur());

export function click(element) {
  return act(async () => {
    const down = new window.MouseEvent('mousedown', { bubbles: true, cancelable: true });
    if (element.dispatchEvent(down)) element.focus();
    element.click();
  });
}

export function type(input, value) {
  return act(async () => {
    // React watches the property that it set itself, and would take this for its own doing.
    const { set } = Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, 'value');
    set.call(input, value);
    input.dispatchEvent(new window.Event('input', { bubbles: true }));
  });
}

const PATIENCE_MS = 20_000; // on a busy machine

/** Wait until React shows what it should. */
export async function until(isSo) {
  const giveUp = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > giveUp) throw new Error(`in vain: ${isSo}; the page says: ${text()}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 5)));
  }
}
