import type { EditState, Loss, OperationLabel, TransferPlan } from '../../shared/contract/edit.ts';
import { formatCount, formatExactSize, formatSize } from '../models/format.ts';
import { cut } from '../models/names.ts';
import { plural } from './plural.ts';
import { sentences } from './sentences.ts';

/** A name in a sentence. */
const quoted = (name: string): string => `“${cut(name, 60)}”`;

/** "“etc”", "3 items". */
const things = ({ name, count }: Pick<OperationLabel, 'name' | 'count'>): string => (count === 1 ? quoted(name) : plural(count, 'item', 'items'));
const into = (to: string | undefined): string => (to === undefined ? '' : ` to ${quoted(to)}`);

function operation(label: OperationLabel): string {
  const what = things(label);
  switch (label.verb) {
    case 'create': return `Create file ${what}`;
    case 'mkdir': return `Create folder ${what}`;
    case 'symlink': return `Create link ${what}`;
    case 'rename': return `Rename ${what}${into(label.to)}`;
    case 'delete': return `Delete ${what}`;
    case 'move': return `Move ${what}${into(label.to)}`;
    case 'copy': return `Copy ${what}${into(label.to)}`;
    case 'duplicate': return `Duplicate ${what}`;
    case 'put': return `Copy ${what} into the image`;
    case 'paste': return `Paste ${what}`;
    case 'change': return `Change permissions, owner or times of ${what}`;
    case 'xattr': return `Change attributes of ${what}`;
    case 'mount': return 'Changes by other programs';
    case 'repair': return label.count === 1 ? 'Repair 1 finding' : `Repair ${formatCount(label.count)} findings`;
  }
}

/** Long work that writes: what it is called while it runs and at its end. */
const jobs = {
  extract: { running: 'Extracting', begun: 'extracting', done: 'extracted', failed: 'the extraction failed' },
  put: { running: 'Copying in', begun: 'copying into the image', done: 'copied into the image', failed: 'copying into the image failed' },
  copy: { running: 'Copying', begun: 'copying', done: 'copied', failed: 'copying failed' },
  duplicate: { running: 'Duplicating', begun: 'duplicating', done: 'duplicated', failed: 'duplicating failed' },
  move: { running: 'Moving', begun: 'moving', done: 'moved', failed: 'moving failed' },
  pack: { running: 'Reading', begun: 'reading it from the other image', done: 'read', failed: 'reading it from the other image failed' },
  paste: { running: 'Pasting', begun: 'pasting', done: 'pasted', failed: 'pasting failed' },
  delete: { running: 'Deleting', begun: 'deleting', done: 'deleted', failed: 'deleting failed' },
  apply: { running: 'Writing the changes', begun: 'writing the changes', done: 'the changes are in the image', failed: 'the changes could not be written' },
  save: { running: 'Saving', begun: 'saving as a new image', done: 'saved as a new image', failed: 'the new image could not be written' },
  finish: { running: 'Finishing', begun: 'finishing the interrupted Apply', done: 'the interrupted Apply is finished', failed: 'the interrupted Apply could not be finished' },
  undo: { running: 'Taking back', begun: 'taking the interrupted Apply back', done: 'the image is as it was before', failed: 'the interrupted Apply could not be taken back' },
  build: { running: 'Building', begun: 'building', done: 'built', failed: 'building failed' },
  repair: { running: 'Repairing', begun: 'repairing', done: 'repaired; the repair is a pending change', failed: 'the repair failed' },
} as const;

/** Unlocking, pending changes, and everything that changes an image. */
export const editingTexts = {
  jobs,
  editCommands: {
    unlock: 'Unlock to edit', lock: 'Lock again', undo: 'Undo', redo: 'Redo', review: 'Review changes…', apply: 'Apply changes', discard: 'Discard changes…', saveAs: 'Save as new image…',
    rename: 'Rename', newFolder: 'New folder…', newFile: 'New file…', newLink: 'New link…', delete: 'Delete…', duplicate: 'Duplicate', cut: 'Cut', copy: 'Copy', paste: 'Paste', put: 'Copy files into this folder…', putFolder: 'Copy a folder into this folder…',
    undoOf: (label: OperationLabel) => `Undo: ${operation(label)}`, redoOf: (label: OperationLabel) => `Redo: ${operation(label)}`,
  },
  editReasons: {
    readOnly: 'It is read-only: unlock the image to edit first', unlocked: 'It is unlocked already', locked: 'It is locked already', applying: 'The changes are being written', interrupted: 'An interrupted Apply comes first: finish it or take it back',
    underneath: 'The file was changed by somebody else', unfinished: 'The changes reached the image in part: apply them again, to finish it', writing: 'Wait until the running work has ended', noPending: 'No changes are pending', noUndo: 'There is nothing to undo', noRedo: 'There is nothing to redo',
    nothingCopied: 'Copy or cut something first', gone: 'The image that it was copied from is closed', intoItself: 'A folder can’t go into itself', inSearch: 'Go to a folder first: these are results of a search', loading: 'The image is still being asked whether it can be changed', root: 'Select something below the root', pendingElsewhere: 'The changes are pending: apply or discard them first',
  },
  operation,
  edit: {
    editable: 'Editable', editableWhy: 'Changes are kept aside until you apply them; the image itself is as it was.',
    unlocked: (name: string) => `${cut(name, 60)} can be changed now. Nothing is written to the image before you apply.`,
    lockedAgain: (name: string) => `${cut(name, 60)} is read-only again`,
    refused: 'It can’t be unlocked',
    undone: (label: OperationLabel) => `Undone: ${operation(label)}`, redone: (label: OperationLabel) => `Done again: ${operation(label)}`,
    did: { rename: (name: string, to: string) => `Renamed ${quoted(name)} to ${quoted(to)}`, dir: (name: string) => `Folder ${quoted(name)} created`, file: (name: string) => `File ${quoted(name)} created`, symlink: (name: string) => `Link ${quoted(name)} created`, change: (name: string) => `Changed ${quoted(name)}` },
    discarded: 'All pending changes are discarded',
    copied: (count: number) => `${plural(count, 'item', 'items')} copied: go to a folder and paste`, wasCut: (count: number) => `${plural(count, 'item', 'items')} cut: go to a folder and paste`,
    pasteGone: (what: string, image: string) => `${quoted(what)} was not pasted: ${quoted(image)} is closed.`, cutStaysPart: (what: string) => `Not all of ${quoted(what)} was copied: it is not deleted where it was.`, cutStays: (what: string, image: string) => `${quoted(what)} was copied, but is not deleted where it was: ${quoted(image)} is closed.`,
    applyTitle: (name: string) => `Changes of ${cut(name, 60)}`,
    shownIn: (folder: string) => quoted(folder),
  },
  pending: {
    label: 'Pending changes',
    none: 'No pending changes',
    what: (operations: number, bytes: number) => `${plural(operations, 'change', 'changes')} pending, ${formatSize(bytes)} to write`,
    hint: 'The image itself is not changed yet.',
    cannotApply: (why: string) => sentences(why, 'Save the changes as a new image.'),
    review: 'Review…', apply: 'Apply', discard: 'Discard…', saveAs: 'Save as new image…', more: 'More ways to keep the changes',
    applying: 'The changes are being written to the image.',
  },
  banner: {
    interrupted: 'Applying changes was interrupted', interruptedWhat: (why: string | undefined, when: string, bytes: number) => sentences(why, `What the image needs to become whole again is kept (from ${when}, ${formatSize(bytes)}): all of the changes, or the way back to what it was, where they had not come far. Until this is settled, the image can only be looked at, and what is shown may be half of the old and half of the new.`),
    recovered: {
      finished: 'An interrupted Apply was finished', unchanged: 'An Apply was interrupted: the image is whole', foreign: 'Changes of an interrupted Apply were left aside',
      damaged: 'An interrupted Apply could not be finished', impossible: 'An interrupted Apply could not be finished yet',
    } as const satisfies Record<NonNullable<EditState['recovery']>['state'], string>,
    recoveredTodo: 'Check the filesystem before you change anything. Work on a copy of the image if what is in it matters.',
    finish: 'Finish', finishHint: 'makes the image whole, as new or as it was', undo: 'Take back', undoHint: 'makes the image as it was before', cant: (what: string, reason: string) => `${what}: ${reason}`,
    underneath: 'The image’s file was changed by somebody else', underneathWhat: (how: string) => sentences(how, 'Changes to what it was before can’t be applied any more. You can still look at them and save them as a new image, or discard them and open the image again.'),
    unfinished: 'The image is changed in part',
    unfinishedWhat: (wayBack: boolean) => `Applying the changes failed on the way, and what had reached the image could not be taken back. All of the changes are here still, and you can read and change files as before. Apply again when what hindered it is gone (a full disk, a cable); that finishes it. If you close the image instead, ${wayBack ? 'the next opening makes it what it was before, and the changes are lost: save them as a new image first.' : 'the next opening finishes it from the file that is kept beside it.'}`,
    applyAgain: 'Apply again',
    reopen: 'Discard and open again', open: 'Open again',
  },
  review: {
    title: (name: string) => `Pending changes of ${cut(name, 60)}`,
    list: 'Changes in order', what: 'Change', where: 'Folder', bytes: 'Writes', when: 'Done at', partial: 'not to its end', none: 'Nothing is pending.', loading: 'Reading the changes …',
    total: (operations: number, bytes: number) => `${plural(operations, 'change', 'changes')}; Apply writes ${formatExactSize(bytes)} to the image.`,
    shared: 'Blocks that several changes touch are written once.',
    safe: 'They are written all or none: what it takes to finish them, or to take them back, is first put down beside the image, and an Apply that is interrupted is finished or taken back at the next open.',
    root: 'the whole volume', nowhere: '–',
  },
  discard: {
    title: 'Discard all pending changes?', what: (name: string, operations: number) => `${plural(operations, 'change', 'changes')} of ${quoted(name)} ${operations === 1 ? 'was' : 'were'} not written to the image. Discarding can’t be undone.`,
    keep: 'Keep them', discard: 'Discard',
    closeTitle: (names: readonly string[]) => (names.length === 1 ? `Close ${cut(names[0]!, 60)} with pending changes?` : `Close ${formatCount(names.length)} images with pending changes?`),
    closeWhat: (name: string, operations: number, bytes: number) => `${cut(name, 60)}: ${plural(operations, 'change', 'changes')}, ${formatSize(bytes)}`,
    closeHint: 'They are not in the image yet, and are lost when it is closed.',
    stay: 'Don’t close', closeAll: 'Discard and close', applyFirst: 'Apply, then close',
    lockTitle: 'Lock with pending changes?', lock: 'Discard and lock',
  },
  delete: {
    title: (name: string, count: number) => (count === 1 ? `Delete ${quoted(name)}?` : `Delete ${formatCount(count)} items?`),
    from: (folder: string) => `From ${cut(folder, 300)}`, counting: 'Counting what is in it …', holds: (files: number, directories: number, size: number) => `${plural(files, 'file', 'files')}, ${plural(directories, 'folder', 'folders')}, ${formatSize(size)}`,
    unread: (count: number) => `${plural(count, 'entry', 'entries')} could not be read`, more: (count: number) => `and ${formatCount(count)} more`,
    undo: 'It can be undone until the changes are applied.', delete: 'Delete',
  },
  make: {
    title: { dir: 'New folder', file: 'New file', symlink: 'New link' }, in: (folder: string) => `In ${cut(folder, 300)}`,
    names: { dir: (n: number) => (n === 1 ? 'New folder' : `New folder ${n}`), file: (n: number) => (n === 1 ? 'New file' : `New file ${n}`), symlink: (n: number) => (n === 1 ? 'New link' : `New link ${n}`), linkTo: (name: string) => (n: number) => (n === 1 ? `Link to ${name}` : `Link to ${name} ${n}`) },
    name: 'Name', target: 'Leads to', targetHint: 'A path in the image; a relative one begins in this folder. It need not exist.', create: 'Create', creating: 'Creating …', targetEmpty: 'A link must lead somewhere.', targetLong: (most: number) => `A link’s target has at most ${formatCount(most)} bytes.`,
  },
  naming: {
    field: (name: string) => `New name of ${cut(name, 60)}`,
    rules: (longest: number, unit: 'bytes' | 'UTF-16 units', forbidden: string, caseSensitive: boolean) => `Up to ${formatCount(longest)} ${unit}; no “/”${forbidden === '' ? '' : `, and none of ${[...forbidden].join(' ')}`}; ${caseSensitive ? 'small and capital letters differ' : 'small and capital letters are the same'}.`,
    length: (length: number, longest: number, unit: 'bytes' | 'UTF-16 units') => `${formatCount(length)} of ${formatCount(longest)} ${unit}`,
    spelled: 'Characters that can’t be shown are spelled \\x07 or \\u{202e}; they stay what they are.',
    keys: 'Enter renames, Escape leaves.',
    problems: {
      empty: 'Type a name.', dots: '“.” and “..” are the folder itself and the one above.', forbidden: (character: string) => (character === '/' ? '“/” separates folders: no name has one.' : character === '\0' ? 'No name has a NUL character.' : `This filesystem takes no ${character} in names.`),
      tooLong: (over: number, unit: 'bytes' | 'UTF-16 units') => `Too long by ${formatCount(over)} ${unit === 'bytes' ? (over === 1 ? 'byte' : 'bytes') : 'UTF-16 units'}.`, taken: (other: string) => `${quoted(other)} is there already.`,
    },
  },
  losses: {
    title: 'Not everything can be kept', fullTitle: 'There is not enough room',
    what: (plan: TransferPlan) => `${plan.complete ? '' : 'At least '}${plural(plan.files, 'file', 'files')}, ${plural(plan.directories, 'folder', 'folders')}, ${formatSize(plan.bytes)}.`,
    words: { owners: 'Owners', permissions: 'Permissions', times: 'Times', xattrs: 'Extended attributes', acls: 'Access lists', flags: 'Flags', 'hard-links': 'Hard links', symlinks: 'Links', special: 'Devices, pipes and sockets', 'large-files': 'Large files', names: 'Names' } as const satisfies Record<Loss['what'], string>,
    line: ({ count, example }: Loss) => `${plural(count, 'entry', 'entries')}, first ${cut(example, 120)}`,
    full: (bytes: number, free: number) => `There is not enough room: ${formatSize(bytes)} are needed, ${formatSize(free)} are free.`,
    go: 'Copy all the same', move: 'Move all the same', looking: 'Looking at what is to be copied …', incomplete: 'There is more than was looked at; it may lose other things.',
  },
  saveAs: {
    title: 'Save as new image', hint: (name: string) => `The new image gets the pending changes; ${quoted(name)} stays as it is, and its changes stay pending.`, folder: 'Folder', name: 'Name', save: 'Save', saving: 'Saving …', replace: 'Replace the file that has this name',
    proposed: (name: string) => { const dot = name.lastIndexOf('.'); return dot > 0 ? `${name.slice(0, dot)} (edited)${name.slice(dot)}` : `${name} (edited)`; },
  },
  putPath: { title: 'Copy into this folder', label: 'Path of a file or folder on this computer', hint: (folder: string) => `It is copied into ${quoted(folder)}.`, copy: 'Copy', example: '/home/me/notes.txt' },
  dropInto: {
    open: (count: number) => (count === 1 ? 'Open as an image' : 'Open as images'), copy: (folder: string) => `Copy into ${quoted(folder)}`, copyHint: 'It is a pending change until you apply.',
    unlock: (folder: string) => `Unlock to edit, and copy into ${quoted(folder)}`, unlockHint: 'Nothing is written to the image before you apply.', cant: (reason: string) => `Can’t be copied into this folder: ${reason}`,
  },
  dragging: { move: (count: number, to: string | undefined) => (to === undefined ? plural(count, 'item', 'items') : `Move ${plural(count, 'item', 'items')} to ${quoted(to)}`), copy: (count: number, to: string | undefined) => (to === undefined ? `Copy ${plural(count, 'item', 'items')}` : `Copy ${plural(count, 'item', 'items')} to ${quoted(to)}`), hint: 'Ctrl copies; Escape leaves' },
  editProperties: {
    save: 'Change', reset: 'As it was', owner: 'Owner (number)', group: 'Group (number)', octal: 'Mode (octal)', wrongOctal: 'Up to four digits from 0 to 7.', wrongId: 'A number from 0 to 4,294,967,294.', wrongTime: 'Year-month-day hour:minute, with seconds where they matter.', named: (name: string) => `now ${cut(name, 60)}`,
    emptyStays: 'What is left empty stays as it is.', nowFor: (time: string) => `${time}: now`,
    modified: 'Modified', accessed: 'Accessed', created: 'Created', now: 'Now', changed: 'The change is pending until you apply.',
    addXattr: 'Add attribute…', key: 'Name', keyHint: 'With its namespace: user.comment', value: 'Value', valueText: 'As text', valueHex: 'As hex', wrongHex: 'Pairs of hex digits.', setXattr: 'Set', remove: (name: string) => `Remove ${cut(name, 80)}`, editXattr: (name: string) => `Change ${cut(name, 80)}`, add: 'Add an attribute', special: { 0o4000: 'Runs as its owner (setuid)', 0o2000: 'Runs as its group (setgid)', 0o1000: 'Sticky' } as Readonly<Record<number, string>>,
    right: (who: string, right: string) => `${who}: ${right}`, title: 'Change permissions and owner', times: 'Change times',
  },
} as const;
