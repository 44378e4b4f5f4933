import { errorOf } from '../app/services.ts';
import { getApp } from '../app/state.ts';
import { notifyError } from '../ui/toasts.ts';
import type { Command, Group } from './command.ts';
import { bytesCommands } from './bytes.ts';
import { checksumsCommand } from './checksums.ts';
import { checkCommand } from './check.ts';
import { changeCommands, editCommands } from './edit.ts';
import { entryCommands } from './entry.ts';
import { findCommands } from './find.ts';
import { goCommands } from './go.ts';
import { guestLogCommand, guestOverlayCommand, guestsCommand } from './guests.ts';
import { helpCommands } from './help.ts';
import { imageCommands } from './image.ts';
import { type KeyPress, matchesKeys } from './keys.ts';
import { mountCommands } from './mounts.ts';
import { spaceCommands } from './space.ts';
import { tabCommands } from './tabs.ts';
import { viewCommands } from './view.ts';
import { volumeCommands } from './volume.ts';

export type { Command, Group } from './command.ts';

/** All that the window can do. The order is that of the menus. */
export const commands: readonly Command[] = [...imageCommands, guestsCommand, ...editCommands, ...entryCommands, ...changeCommands, checksumsCommand, ...volumeCommands, ...mountCommands, checkCommand, guestLogCommand, guestOverlayCommand, ...goCommands, ...spaceCommands, ...bytesCommands, ...findCommands, ...tabCommands, ...viewCommands, ...helpCommands];

/** The order of the menus' parts. */
export const GROUPS: readonly Group[] = ['file', 'edit', 'entry', 'change', 'volume', 'go', 'tabs', 'view', 'sort', 'help'];

const byId = new Map(commands.map((command) => [command.id, command]));

export function commandOf(id: string): Command {
  const command = byId.get(id);
  if (command === undefined) throw new Error(`no command ${id}`);
  return command;
}

/** Runs a command if it is enabled. Unknown ids (a newer native menu) do nothing. */
export function runCommand(id: string): void {
  const command = byId.get(id);
  if (command === undefined || command.enabled(getApp()) !== true) return;
  const end = command.run();
  if (end instanceof Promise) end.catch((error: unknown) => notifyError(errorOf(error)));
}

/** The command of a key press; `inList` says whether the list of files has the focus. */
export function commandOfKeys(event: KeyPress, inList: boolean, mac: boolean): Command | undefined {
  return commands.find((command) => (inList || !command.listOnly) && command.keys.some((keys) => matchesKeys(event, keys, mac)));
}

const CHANGES: readonly (string | null)[] = ['cut', 'copy', 'paste', 'duplicate', null, 'rename', 'delete', null, 'new-folder', 'new-file', 'new-link', 'put-files'];

const menuWith = (changes: readonly (string | null)[]): readonly (string | null)[] => ['open-entry', 'show-in-folder', 'preview', 'show-bytes', 'space', null, 'extract', 'copy-path', 'checksums', null, ...changes, null, 'select-all', 'select-matching', 'invert', null, 'properties'];

/** What the context menu of entries shows, in order; null is a line. */
export const ENTRY_MENU = menuWith(CHANGES);

/** The same where nothing can be changed: one reason in place of ten, at the command that would change that. */
export const LOCKED_ENTRY_MENU = menuWith(['copy', 'unlock']);
