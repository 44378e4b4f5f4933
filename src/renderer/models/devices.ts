import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { DeviceRow } from '../../shared/contract/devices.ts';

/** What a disk is called: by what a person gave it, by its maker, or by its place. */
export function titleOf({ label, model, source }: Pick<DeviceRow, 'label' | 'model' | 'source'>): string {
  return label || model || source.path;
}

/** Of what uses a disk: whether it is a place, and not another device or swap space. */
export function isMountPoint(use: string): boolean {
  return use.startsWith('/') || /^[A-Z]:\\/i.test(use);
}

/** Whether the account is what keeps a disk from being read. */
export function isNoAccess({ fault }: DiskErrorData): boolean {
  return fault.kind === 'usage' && fault.errno === 'EACCES';
}

/** Whether the disk of a partition has the same error: it need not be explained twice. */
export function isExplained({ parent, error }: DeviceRow, all: readonly DeviceRow[]): boolean {
  if (parent === undefined || error === undefined) return false;
  const above = all.find(({ source }) => source.path === parent)?.error;
  return above !== undefined && isNoAccess(above) && isNoAccess(error);
}

/** Advice as its sentences, each a way of its own. */
export function adviceLines(advice: string): string[] {
  return advice.split(/(?<=[.!?]) (?=[A-Z])/);
}
