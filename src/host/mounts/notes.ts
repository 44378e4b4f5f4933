import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mountedAt, type MountLine, mounts } from './mount-table.ts';

/** Where notes are, in the folder of this account for what runs. */
const FOLDER = '.mounted';

/** Notes that one mount looks at. */
const MOST = 200;

/** What is known of a mount when all who knew of it were killed. */
interface Note {
  readonly at: string;
  /** Its number in the list of mounts, which it keeps wherever it is moved to. */
  readonly id: number;
  /** Its filesystem's device, "0:57". */
  readonly device: string;
  readonly made: boolean;
  /** Of the process that serves it: its id, and when it began (an id is used again). */
  readonly pid: number;
  readonly began: string;
  /** The system's start and the namespaces (containers) in which these numbers and paths mean something. */
  readonly where: string;
}

/** A note's place, where none is yet. @param folder of `runtimeFolder` */
export function notePath(folder: string): string {
  return join(folder, FOLDER, `${randomUUID()}.json`);
}

/** Notes a mount of this process. Never throws: without it, only a crash of two processes at once leaves something. */
export function note(path: string, { at, id, device }: MountLine, made: boolean): void {
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify({ at, id, device, made, pid: process.pid, began: beganAt(process.pid) ?? '', where: whereabouts() } satisfies Note), { mode: 0o600, flag: 'wx' });
  } catch {
    // As above.
  }
}

export function forget(path: string): void {
  rmSync(path, { force: true });
}

/**
 * Takes away the mounts of this account whose process is gone, with the folders that were made for them. Never throws.
 * @param unmount takes what is mounted at a path away at once
 */
export async function removeLeftovers(folder: string, unmount: (at: string) => Promise<unknown>): Promise<void> {
  const here = whereabouts();
  const notes = namesIn(join(folder, FOLDER)).filter((each) => each.endsWith('.json')).slice(0, MOST).flatMap((name) => {
    const path = join(folder, FOLDER, name);
    const left = read(path);
    return left === undefined ? [] : [{ path, left, lives: left.where === here && beganAt(left.pid) === left.began }];
  });
  for (const { path, left, lives } of notes) {
    // Of an earlier start of the system nothing is left.
    if (left.where.split(' ')[0] !== here.split(' ')[0]) forget(path);
    // Another container's mounts can't be seen from here, nor can its processes.
    if (left.where !== here || lives) continue;
    // A folder above it may have got another name. Its numbers may be those of another mount by now: of one that is served, or at its place.
    const same = ({ id, device, type }: MountLine): boolean => id === left.id && device === left.device && type === 'fuse.clutch';
    const taken = notes.some((other) => other.lives && other.left.id === left.id && other.left.device === left.device);
    const there = taken ? undefined : mounts().find(same);
    const at = there?.at ?? left.at;
    if (there !== undefined) await unmount(at);
    if (left.made && mountedAt(at) === undefined) await rmdir(at).catch(() => {});
    forget(path);
  }
}

function read(path: string): Note | undefined {
  try {
    const { at, id, device, made, pid, began, where } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<keyof Note, unknown>>;
    if (typeof at !== 'string' || !at.startsWith('/') || typeof id !== 'number' || typeof device !== 'string' || typeof made !== 'boolean' || typeof pid !== 'number' || typeof began !== 'string' || typeof where !== 'string') return undefined;
    return { at, id, device, made, pid, began, where };
  } catch {
    return undefined;
  }
}

function whereabouts(): string {
  try {
    return [readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), readlinkSync('/proc/self/ns/pid'), readlinkSync('/proc/self/ns/mnt')].join(' ');
  } catch {
    return '';
  }
}

/** Ticks since the system's start (field 22 of /proc/PID/stat, behind the name, which may hold anything); undefined where there is no such process. */
function beganAt(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
