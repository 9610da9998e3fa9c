import { createElement } from 'react';

import { badgeLabel } from '../badge.js';
import { formatLastSeen } from '../format.js';
import { useMinute } from './useMinute.js';

/**
 * @import { ElementType } from 'react'
 * @import { Badge } from '../badge.js'
 */

/**
 * @typedef {object} Time
 * @property {() => number} [now] the server's clock, in ms: `() => poller.now()`
 * @property {string} [locale] the viewer's, if no other
 * @property {string} [timeZone] the viewer's, if no other
 *
 * @typedef {Time & {
 *   badge: Badge | null, as?: ElementType, className?: string, [other: string]: unknown,
 * }} BadgeProps
 */

/**
 * What `badgeOf` says, in words that stay right as time passes; nothing for a free account. It has
 * no styles: `.presence-badge`, `[data-kind="own" | "occupied" | "member"]` and `[data-stale]` are
 * there for yours. Or let it be another component: `as={Badge}`; further props are passed on.
 * @param {BadgeProps} props
 */
export function OccupancyBadge({ badge, ...rest }) {
  return badge && createElement(Shown, { badge, ...rest });
}

/** @param {BadgeProps & {badge: Badge}} props */
function Shown({ badge, as = 'span', className, now = Date.now, locale, timeZone, ...rest }) {
  const timely = useMinute();
  const time = { locale, timeZone, now: now() };
  return createElement(
    as,
    {
      ...rest,
      className: className ? `presence-badge ${className}` : 'presence-badge',
      'data-kind': badge.kind,
      'data-stale': badge.stale || undefined,
    },
    timely || badge.kind !== 'member' ? badgeLabel(badge, time) : badge.name,
    timely &&
      badge.stale &&
      badge.lastSeenAt && [
        ' • ',
        createElement(
          'span',
          { key: 'last-seen', className: 'presence-last-seen' },
          formatLastSeen(badge.lastSeenAt, time.now),
        ),
      ],
  );
}
