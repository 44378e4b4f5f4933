import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { usage } from '../../engines/core/errors.ts';
import { isWithin, mounts } from './mount-table.ts';

/** What this process serves: absolute paths, and the numbers of the devices once they are known. */
const own = new Map<object, { readonly at: string; device?: string }>();

/** A mount of this process, from before it is made until it is gone. */
export interface OwnMount {
  /** Its filesystem's device, "0:57", by which it is found wherever else it is moved or bound to. */
  known(device: string): void;
  gone(): void;
}

/** @param at absolute, without symlinks on the way */
export function serveAt(at: string): OwnMount {
  const key = {};
  own.set(key, { at });
  return { known: (device) => own.set(key, { at, device }), gone: () => own.delete(key) };
}

/** Symlinks that are followed on one way, as in the kernel (MAXSYMLINKS). */
const MOST_LINKS = 40;

/**
 * Whether a path leads to or below a mount that this process serves. To touch such a path, were it by stat(2), is to wait for oneself for ever, so the way
 * there is gone step by step, and never into one.
 * @param path may be relative, and need not exist
 */
export function isBelowOwnMount(path: string): boolean {
  if (own.size === 0) return false;
  const devices = new Set([...own.values()].map(({ device }) => device));
  const places = [...own.values()].map(({ at }) => at);
  for (const { device, at } of mounts()) if (devices.has(device)) places.push(at);
  const within = (at: string): boolean => places.some((place) => isWithin(at, place));
  if (within(resolve(path))) return true;

  // ".." after a symlink leads elsewhere than the text says.
  const todo = (path.startsWith('/') ? path : join(process.cwd(), path)).split('/').toReversed();
  let at = '/';
  let links = 0;
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue;
    at = part === '..' ? dirname(at) : join(at, part);
    if (within(at)) return true;
    const target = linkAt(at);
    if (target === undefined) continue;
    if (++links > MOST_LINKS) return false; // Nobody gets there.
    todo.push(...target.split('/').toReversed());
    at = target.startsWith('/') ? '/' : dirname(at);
  }
  return false;
}

/** @throws DiskError usage EACCES for a path that leads below a mount of this process */
export function refuseOwnMount(path: string): void {
  if (isBelowOwnMount(path)) throw usage('EACCES', `${path} lies in a mount of this image itself`, 'Choose a place outside the mounted folder.');
}

function linkAt(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined; // Not there: nor is anything below it.
  }
}
