import { readFileSync } from 'node:fs';

/** A line of the system's list of mounts (proc(5), /proc/PID/mountinfo). */
export interface MountLine {
  /** The kernel's number of the mount, as fdinfo tells it of open files. */
  readonly id: number;
  readonly parent: number;
  /** Number of the filesystem's device, "0:57". */
  readonly device: string;
  /** Absolute path of the mount point. */
  readonly at: string;
  /** "fuse.clutch". */
  readonly type: string;
  /** What is mounted, in the words of whoever mounted it. */
  readonly source: string;
}

/** Bytes of the list that are looked at: a line is at most a page or two, and the kernel allows 100,000 mounts. */
const MOST = 64 << 20;

/** What the kernel writes instead of a space, a tab, a line's end, "#" and a backslash. */
export function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** A mount point as the kernel writes it (fs/proc_namespace.c), for programs that don't undo it. */
export function escapePath(path: string): string {
  return path.replace(/[ \t\n\\]/g, (each) => `\\${each.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** @param text of /proc/PID/mountinfo; lines that are not understood are left out */
export function parseMounts(text: string): MountLine[] {
  const lines: MountLine[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    // Optional fields end with a hyphen.
    const dash = fields.indexOf('-', 6);
    const [id, parent, device, , at] = fields;
    if (dash < 0 || device === undefined || at === undefined) continue;
    lines.push({ id: Number(id), parent: Number(parent), device, at: unescapePath(at), type: fields[dash + 1] ?? '', source: unescapePath(fields[dash + 2] ?? '') });
  }
  return lines;
}

/** The mounts that this process sees, in the order in which they were made. Touches none of them. Empty where the system has no such list. */
export function mounts(): MountLine[] {
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8').slice(0, MOST));
  } catch {
    return [];
  }
}

/** What is seen at a path: the last that was mounted there. */
export function mountedAt(path: string, table: readonly MountLine[] = mounts()): MountLine | undefined {
  return table.findLast(({ at }) => at === path);
}

/** Whether a path is a folder or lies in it. Both absolute, without "..". */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
