import type { NativeSupport } from './matrix.ts';

/** How far the engines of ours go, format by format. A test compares it with the registry. */
export const NATIVES: readonly NativeSupport[] = [
  { format: 'ext4', access: 'read-write', reason: '' },
];
