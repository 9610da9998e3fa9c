'use client';

export { AccountSelector } from './AccountSelector.js';
export { OccupancyBadge } from './OccupancyBadge.js';
export { usePresence } from './usePresence.js';
