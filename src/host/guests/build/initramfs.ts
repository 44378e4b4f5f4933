import { corrupt } from '../../../engines/core/errors.ts';
import type { CpioEntry } from './cpio.ts';
import type { Module } from './modules.ts';

/** Folders that init mounts on, or that programs expect. */
const FOLDERS: readonly (readonly [string, number])[] = [['proc', 0o555], ['sys', 0o555], ['mnt', 0o755], ['run', 0o755], ['tmp', 0o1777], ['root', 0o700]];

/** The merged layout's links. */
const LINKS: readonly (readonly [string, string])[] = [['bin', 'usr/bin'], ['sbin', 'usr/sbin'], ['lib', 'usr/lib'], ['lib64', 'usr/lib64'], ['lib32', 'usr/lib32']];

/** busybox has about 280 of them. */
const MOST_APPLETS = 1_000;

/** The scripts that every Linux guest runs. */
export interface GuestScripts {
  /** /init */
  readonly init: Uint8Array;
  /** /clutch/agent */
  readonly agent: Uint8Array;
  /** Another one, which a manifest names as a program: /clutch/NAME. */
  helper(name: string): Uint8Array;
}

/** What every boot needs: folders, console, scripts, busybox under all its names, the 9P server, base modules. */
export function baseEntries(scripts: GuestScripts, programs: ReadonlyMap<string, CpioEntry>, modules: readonly Module[]): Map<string, CpioEntry> {
  const entries = new Map<string, CpioEntry>(programs);
  for (const [path, mode] of FOLDERS) entries.set(path, { type: 'dir', mode });
  for (const [path, target] of LINKS) entries.set(path, { type: 'symlink', target });
  // Linux: Documentation/admin-guide/devices.txt. init's own output goes to the console before devtmpfs is there.
  entries.set('dev/console', { type: 'char', mode: 0o600, major: 5, minor: 1 });
  entries.set('dev/null', { type: 'char', mode: 0o666, major: 1, minor: 3 });
  entries.set('etc/passwd', text('root:x:0:0:root:/root:/bin/sh\n'));
  entries.set('etc/group', text('root:x:0:\n'));
  entries.set('etc/fstab', text('proc /proc proc defaults 0 0\nsysfs /sys sysfs defaults 0 0\ndevtmpfs /dev devtmpfs defaults 0 0\n'));
  // Tools that look for what is mounted read it there.
  entries.set('etc/mtab', { type: 'symlink', target: '/proc/self/mounts' });
  entries.set('init', { type: 'file', mode: 0o755, bytes: scripts.init });
  entries.set('clutch/agent', { type: 'file', mode: 0o755, bytes: scripts.agent });
  const busybox = [...programs].find(([path]) => path.endsWith('/busybox'));
  if (busybox?.[1].type === 'file') {
    for (const applet of busyboxApplets(busybox[1].bytes)) if (!entries.has(`usr/bin/${applet}`)) entries.set(`usr/bin/${applet}`, { type: 'symlink', target: `/${busybox[0]}` });
  }
  addModules(entries, 'base', modules);
  return entries;
}

/** Modules of a filesystem, with the list of their paths in the order of insmod. */
export function addModules(entries: Map<string, CpioEntry>, name: string, modules: readonly Module[]): void {
  for (const module of modules) entries.set(modulePath(module), { type: 'file', mode: 0o644, bytes: module.bytes });
  entries.set(`clutch/modules/${name}`, text(modules.map((module) => `/${modulePath(module)}\n`).join('')));
}

function modulePath(module: Module): string {
  return `clutch/ko/${module.name}.ko`;
}

function text(content: string): CpioEntry {
  return { type: 'file', mode: 0o644, bytes: new TextEncoder().encode(content) };
}

/**
 * The names that a busybox answers to: its table of them (busybox: include/applet_tables.h), which begins with "[" and "[[", each name with a zero
 * behind it. Running it to ask is not possible where it is for another machine.
 * @throws DiskError corrupt when it has none
 */
export function busyboxApplets(bytes: Uint8Array): string[] {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf('[\0[[\0', 0, 'latin1');
  const names: string[] = [];
  for (let at = start < 0 ? bytes.length : start; names.length < MOST_APPLETS;) {
    const end = bytes.indexOf(0, at);
    if (end <= at) break;
    const name = new TextDecoder('latin1').decode(bytes.subarray(at, Math.min(end, at + 64)));
    if (!/^[A-Za-z0-9[\]_.+-]+$/.test(name)) break;
    names.push(name);
    at = end + 1;
  }
  if (!names.includes('sh') || !names.includes('mount')) throw corrupt('busybox', 'its table of names is not found');
  return names;
}
