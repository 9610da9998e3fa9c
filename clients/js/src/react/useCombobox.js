import { useEffect, useState } from 'react';
import { matches } from '../search.js';

/**
 * @import { ChangeEvent, KeyboardEvent } from 'react'
 * @import { Account } from '../types.js'
 */

/**
 * Where a key leads in a list of so many, from `index`; -1 is nowhere yet.
 * @type {Record<string, (index: number, length: number) => number>}
 */
const MOVES = {
  ArrowDown: (index, length) => (index + 1) % length,
  ArrowUp: (index, length) => (index <= 0 ? length : index) - 1,
  Home: () => 0,
  End: (_, length) => length - 1,
};

/**
 * The state and the keys of an editable combobox with a list, as the ARIA Authoring Practices
 * have it. The active option is known by its account: the list may change under it.
 * @param {{
 *   accounts: readonly Account[], value: string | null, optionId: (id: string) => string,
 *   mayChoose: (id: string) => boolean, onChange: (id: string) => void,
 * }} props
 */
export function useCombobox({ accounts, value, optionId, mayChoose, onChange }) {
  const [query, setQuery] = useState(/** @type {string | null} */ (null));
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(/** @type {string | null} */ (null));

  const shown = found(accounts, query);
  const activeId = open && shown.some(({ id }) => id === active) ? active : null;

  useEffect(() => {
    if (activeId) document.getElementById(optionId(activeId))?.scrollIntoView({ block: 'nearest' });
  }, [activeId, optionId]);

  function show() {
    setOpen(true);
    setActive(value);
  }

  function close() {
    setOpen(false);
    setQuery(null);
  }

  /** @param {string} id */
  function choose(id) {
    if (!mayChoose(id)) return;
    onChange(id);
    close();
  }

  /** @param {string} text */
  function search(text) {
    setQuery(text);
    setOpen(true);
    setActive(found(accounts, text).find(({ id }) => mayChoose(id))?.id ?? null);
  }

  /** @param {string} key */
  function move(key) {
    const from = open ? activeId : value;
    const index = shown.findIndex(({ id }) => id === from);
    const opensAtValue = !open && index >= 0;
    const to = opensAtValue ? index : MOVES[key](index, shown.length);
    setOpen(true);
    setActive(shown[to]?.id ?? null);
  }

  /**
   * What to do about a key, or nothing: then it is the input's.
   * @param {string} key
   */
  function actionOf(key) {
    if (key.startsWith('Arrow') && key in MOVES) return () => move(key);
    if (!open) return undefined;
    if (key === 'Escape') return close;
    if (!activeId) return undefined;
    if (key in MOVES) return () => move(key);
    return key === 'Enter' ? () => choose(activeId) : undefined;
  }

  /** @param {KeyboardEvent<HTMLInputElement>} event */
  function onKeyDown(event) {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const action = event.shiftKey ? undefined : actionOf(event.key);
    if (!action) return;
    event.preventDefault();
    action();
  }

  const handlers = {
    onKeyDown,
    onChange: (/** @type {ChangeEvent<HTMLInputElement>} */ event) => search(event.target.value),
    onClick: () => open || show(),
    onBlur: close,
  };
  return { query, open, shown, activeId, choose, handlers };
}

/**
 * @param {readonly Account[]} accounts
 * @param {string | null} query
 */
function found(accounts, query) {
  return query ? accounts.filter(({ name }) => matches(query, name)) : accounts;
}
