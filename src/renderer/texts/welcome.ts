import { displayName } from '../../engines/core/names.ts';
import { plural } from './plural.ts';

/** Names of this computer's files may be long, or hold characters that act; a sentence is neither. */
const cut = (name: string): string => {
  const shown = displayName(name);
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
};

/** The empty window, opening, tabs. */
export const welcomeTexts = {
  welcome: {
    title: 'Drop a disk image here to see what is inside.',
    hint: 'Images open read-only. Nothing is written to them before you unlock one and apply changes.',
    sample: 'Try a sample image',
    recents: 'Recent images',
    noRecents: 'Images that you open are listed here.',
    clear: 'Clear list',
    pin: (name: string) => `Pin ${name}`,
    unpin: (name: string) => `Unpin ${name}`,
    remove: (name: string) => `Remove ${name} from the list`,
    missing: 'File not found',
    locate: 'Locate…',
    locateHint: (name: string) => `Show where ${name} is now`,
    moreRecents: 'Enter opens; Delete takes it off the list.',
    missingHint: 'The file was moved or deleted, or its disk is not connected.',
    today: (time: string) => `today ${time}`,
  },
  drop: {
    title: (count: number) => (count === 1 ? 'Drop to open the image' : count === 0 ? 'Drop to open' : `Drop to open ${count} images`),
    hint: (count: number) => (count === 1 ? 'It gets a tab of its own.' : 'Each image gets a tab of its own; parts of a split image are one.'),
    overVolume: (name: string) => `Opens as an image; ${name} is read-only, nothing can be copied into it.`,
    overLocked: (name: string) => `Opens as an image. To copy into ${name}, drop on the lower half of its list: it is unlocked first.`,
    overEditable: (name: string) => `Opens as an image. To copy into ${name}, drop on its list.`,
    refused: 'Close the dialog first, then drop again.',
    refusedTitle: 'A dialog is open',
    browser: 'A browser does not tell where a dropped file lies: you will be asked for its path.',
    folders: (names: readonly string[]) => (names.length === 1 ? `${cut(names[0]!)} is a folder. Drop a disk image: a file.` : `${names.length} of what was dropped are folders. Drop disk images: files.`),
  },
  open: {
    opening: (name: string) => `Opening ${name}`,
    reading: 'Looking at the bytes: containers, partition tables, filesystems …',
    seconds: (seconds: number) => `${seconds} s`,
    opened: (name: string, summary: string) => `${name} is open: ${summary}`,
    failed: (name: string) => `${name} could not be opened`,
    lost: (name: string) => `${name} is no longer open: its process ended`,
    lostReason: (reason: string) => `The process that read the image is gone: ${reason}.`,
    lostApplying: 'Changes were being written to the image. Open it again: that is brought to its end then, or the image is as it was.',
    lostPending: (count: number) => `The image itself was not changed; ${count === 0 ? 'what was being changed' : plural(count, 'pending change', 'pending changes')} ${count > 1 ? 'are' : 'is'} lost. Open it again.`,
    lostAdvice: 'The image itself was not changed. Open it again; if it ends again, the image may be damaged in a way that we should know of.',
    again: 'Open again',
    noPaths: 'This window can’t tell where a dropped file lies. Use “Open image…” and type its path.',
    pathTitle: 'Open image',
    pathLabel: 'Path of the image on this computer',
    dropped: (names: readonly string[]) => `The browser does not tell where ${names.length === 1 ? cut(names[0]!) : `the ${names.length} files`} lies on this computer. Type ${names.length === 1 ? 'its path' : 'the path of one of them'}.`,
    locate: (name: string) => `Where is ${cut(name)} now?`,
    pathExample: '/home/me/disk.img',
    open: 'Open',
  },
  tabs: { label: 'Open images', close: (name: string) => `Close ${name}`, welcome: 'Start', all: 'All open images', earlier: 'Show tabs before', later: 'Show tabs after', moved: (name: string, at: number, of: number) => `${name} is now tab ${at} of ${of}` },
} as const;
