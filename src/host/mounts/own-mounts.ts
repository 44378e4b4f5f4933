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
  return own.size > 0 && follow(path, ownPlaces()) === undefined;
}

/** @throws DiskError usage EACCES for a path that leads to or below a mount of this process */
export function refuseOwnMount(path: string): void {
  if (isBelowOwnMount(path)) throw usage('EACCES', `${path} lies in a mount of this image itself`, 'Choose a place outside the mounted folder.');
}

/** As refuseOwnMount, for whoever goes through all that is below a path, too. @throws DiskError usage EACCES also for a path that has a mount of this process below it */
export function refuseAroundOwnMount(path: string): void {
  if (own.size === 0) return;
  refuseOwnMount(path);
  const places = ownPlaces();
  const real = follow(path, places);
  const inner = real === undefined ? undefined : places.find((place) => isWithin(place, real));
  if (inner !== undefined) throw usage('EACCES', `In ${path} this image itself is mounted, on ${inner}`, 'Unmount it first, or choose another place.');
}

/** Where they are, wherever they were moved or bound to. */
function ownPlaces(): string[] {
  const devices = new Set([...own.values()].map(({ device }) => device));
  return [...[...own.values()].map(({ at }) => at), ...mounts().filter(({ device }) => devices.has(device)).map(({ at }) => at)];
}

/** Where a path leads, symlinks followed; undefined where that is in one of the places, none of which is touched. */
function follow(path: string, places: readonly string[]): string | undefined {
  const within = (at: string): boolean => places.some((place) => isWithin(at, place));
  if (within(resolve(path))) return undefined;
  // ".." after a symlink leads elsewhere than the text says.
  const todo = (path.startsWith('/') ? path : join(process.cwd(), path)).split('/').toReversed();
  let at = '/';
  let links = 0;
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue;
    at = part === '..' ? dirname(at) : join(at, part);
    if (within(at)) return undefined;
    const target = linkAt(at);
    if (target === undefined) continue;
    if (++links > MOST_LINKS) return at; // Nobody gets there.
    todo.push(...target.split('/').toReversed());
    at = target.startsWith('/') ? '/' : dirname(at);
  }
  return at;
}

function linkAt(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined; // Not there: nor is anything below it.
  }
}
