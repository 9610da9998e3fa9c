import { createElement, memo, useCallback, useId } from 'react';

import { badgeOf } from '../badge.js';
import { OccupancyBadge } from './OccupancyBadge.js';
import { kept } from './store.js';
import { useCombobox } from './useCombobox.js';

/**
 * @import { Badge } from '../badge.js'
 * @import { Account, Snapshot } from '../types.js'
 * @import { Time } from './OccupancyBadge.js'
 */

/** @param {Badge | null} badge */
const isFree = (badge) => badge === null || badge.kind === 'own';

/**
 * A searchable list of accounts with their badges. What others occupy can be looked at, not chosen.
 * No styles: `.presence-selector`, and in it `input`, `[role="listbox"]`, `[role="option"]` with
 * `[data-active]`, and `[role="status"]`, which says how many accounts were found.
 * @param {{
 *   accounts: readonly Account[], snapshot: Snapshot | null,
 *   value: string | null, onChange: (accountId: string) => void,
 *   label?: string, className?: string,
 * } & Time} props
 */
export function AccountSelector({
  accounts,
  snapshot,
  value,
  onChange,
  label = 'Account',
  className,
  ...time
}) {
  const id = useId();
  const optionId = useCallback((/** @type {string} */ account) => `${id}${account}`, [id]);
  const mayChoose = (/** @type {string} */ account) => isFree(badgeOf(snapshot, account));
  const combobox = useCombobox({ accounts, value, optionId, mayChoose, onChange });
  const { query, open, shown, activeId } = combobox;
  const expanded = open && shown.length > 0;
  const chosen = accounts.find((account) => account.id === value);

  return createElement(
    'div',
    { className: className ? `presence-selector ${className}` : 'presence-selector' },
    createElement('label', { htmlFor: `${id}input` }, label),
    createElement('input', {
      id: `${id}input`,
      type: 'text',
      role: 'combobox',
      autoComplete: 'off',
      spellCheck: false,
      'aria-autocomplete': 'list',
      'aria-controls': `${id}list`,
      'aria-expanded': expanded,
      'aria-activedescendant': activeId ? optionId(activeId) : undefined,
      value: query ?? chosen?.name ?? '',
      onFocus: (event) => event.target.select(),
      ...combobox.handlers,
    }),
    createElement(
      'ul',
      {
        id: `${id}list`,
        role: 'listbox',
        'aria-label': label,
        hidden: !expanded,
        onMouseDown: (event) => event.preventDefault(), // or the input would lose the focus
        onClick: (event) => {
          const option = /** @type {Element} */ (event.target).closest('[role="option"]');
          if (option) combobox.choose(option.id.slice(id.length));
        },
      },
      expanded &&
        shown.map((account) =>
          createElement(Option, {
            key: account.id,
            id: optionId(account.id),
            account,
            badge: badgeOf(snapshot, account.id),
            active: account.id === activeId,
            selected: account.id === value,
            ...time,
          }),
        ),
    ),
    createElement('div', { role: 'status' }, open && countOf(shown.length)),
  );
}

/** @param {number} count */
function countOf(count) {
  if (count === 0) return 'No account found';
  return count === 1 ? '1 account' : `${count} accounts`;
}

/**
 * @typedef {Time & {
 *   id: string, account: Account, badge: Badge | null, active: boolean, selected: boolean,
 * }} OptionProps
 */

const Option = memo(
  /** @param {OptionProps} props */
  function Option({ id, account, badge, active, selected, ...time }) {
    return createElement(
      'li',
      {
        id,
        role: 'option',
        'aria-selected': selected,
        'aria-disabled': !isFree(badge) || undefined,
        'data-active': active || undefined,
      },
      createElement('span', { className: 'presence-account' }, account.name),
      ' ',
      createElement(OccupancyBadge, { badge, ...time }),
    );
  },
  /**
   * Badges are made anew for every snapshot; what counts is what they say.
   * @param {OptionProps} before
   * @param {OptionProps} now
   */
  (before, now) => {
    const next = { ...now, badge: kept(before.badge, now.badge) };
    return kept(before, next) === before;
  },
);
