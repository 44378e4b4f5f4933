import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { displayName } from '../../engines/core/names.ts';
import { guestCache } from './cache.ts';
import type { GuestEnd, GuestMachine } from './machine.ts';

/** Logs that are kept, of all guests together: the newest. */
const MOST_LOGS = 20;

/** Characters of one log. */
const MOST_TEXT = 1 << 20;

/** Keeps what a machine said when it has ended: `clutch guests log` prints it. A full disk costs the log alone. */
export function keepLog(machine: GuestMachine): void {
  const began = new Date();
  void machine.ended.then((end) => {
    try {
      const folder = logFolder();
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, `${began.toISOString().replaceAll(/[:.]/g, '-')} ${machine.guest.manifest.name} ${machine.pid}.log`), textOf(machine, began, end), { mode: 0o600 });
      for (const old of logNames().slice(MOST_LOGS)) rmSync(join(folder, old), { force: true });
    } catch {
      // It is only a log.
    }
    return undefined;
  });
}

/** Logs that are kept, the newest first. @param guest of one guest alone */
export function logNames(guest?: string): string[] {
  let names: string[];
  try {
    names = readdirSync(logFolder());
  } catch {
    return []; // No guest has run yet.
  }
  return names.filter((name) => name.endsWith('.log') && (guest === undefined || name.split(' ')[1] === guest)).toSorted().toReversed();
}

export function readLog(name: string): string {
  const path = join(logFolder(), name);
  return statSync(path).size > 4 * MOST_TEXT ? '' : readFileSync(path, 'utf8');
}

function logFolder(): string {
  return join(guestCache(), 'logs');
}

function textOf({ guest: { manifest }, start, accelerator, log }: GuestMachine, began: Date, { message }: GuestEnd): string {
  const lines = [`${manifest.title} (guest ${manifest.name}), ${began.toISOString()}, ${start} start, ${accelerator}`];
  let length = 0;
  for (const { at, from, text } of log.lines) {
    const line = `${(at / 1000).toFixed(3).padStart(9)} ${from.padEnd(8)} ${displayName(text)}`;
    length += line.length;
    if (length > MOST_TEXT) break;
    lines.push(line);
  }
  return `${[...lines, `ended: ${displayName(message)}`].join('\n')}\n`;
}
