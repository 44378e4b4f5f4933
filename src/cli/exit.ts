import { displayName } from '../engines/core/names.ts';
import { isDiskError, toDiskError } from '../engines/core/errors.ts';

/** The exit statuses of every verb but `fsck`. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, interrupted: 130 } as const;

/** Those of `fsck`: fsck(8)'s own. A wrong command line is 2 all the same, and Ctrl-C 130. */
export const FSCK = { clean: 0, corrected: 1, left: 4, failed: 8 } as const;

/** The command line itself is wrong, or does not say enough. Lines after the first are choices and hints. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Clutch will not or cannot do it (yet); the message says why. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** Some of the work failed and has been reported already; only the exit status is left to tell it. */
export class PartlyFailedError extends Error {
  override readonly name = 'PartlyFailedError';
}

/** The exit status that an error ends the program with. */
export function exitStatus(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof RefusedError) return EXIT.refused;
  if (isDiskError(error)) {
    if (error.kind === 'cancelled') return EXIT.interrupted;
    if (error.kind === 'unsupported' || error.kind === 'locked') return EXIT.refused;
  }
  return EXIT.failed;
}

/** What, where and what to do, for people: the first line is the message, each further one is indented. */
export function errorText(error: unknown, about?: string): string {
  const subject = about === undefined ? '' : `${displayName(about)}: `;
  if (error instanceof UsageError || error instanceof RefusedError) return shownText(`clutch: ${subject}${error.message}`);
  const { message, advice } = toDiskError(error);
  return shownText(`clutch: ${subject}${message}${advice === undefined ? '' : `\n  ${advice}`}`);
}

/** The same for `--json`: one line. */
export function errorJson(error: unknown, about?: string): string {
  const path = about === undefined ? {} : { path: about };
  if (error instanceof UsageError) return JSON.stringify({ error: { ...path, kind: 'usage', message: error.message } });
  if (error instanceof RefusedError) return JSON.stringify({ error: { ...path, kind: 'unsupported', message: error.message } });
  const { fault, message, advice } = toDiskError(error).toJSON();
  return JSON.stringify({ error: { ...path, ...fault, message, ...(advice === undefined ? {} : { advice }) } });
}

/** Messages may quote names of the image, or what another program sent; line breaks are ours, everything else that could confuse a terminal is spelled out. */
export function shownText(text: string): string {
  return text.split('\n').map(displayName).join('\n');
}
