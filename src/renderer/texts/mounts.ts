import type { MountStats } from '../../shared/contract/mounts.ts';
import { formatCount, formatSize } from '../models/format.ts';
import { cut } from '../models/names.ts';
import { plural } from './plural.ts';

/** A name in a sentence. */
const quoted = (name: string): string => `“${cut(name, 60)}”`;

/** Volumes that are a folder or a drive for other programs. */
export const mountsTexts = {
  mount: {
    command: 'Mount', with: 'Mount…', unmount: 'Unmount', show: 'Open in file manager', copyPath: 'Copy path of the mount',
    copy: 'Copy path', copyAddress: 'Copy address', copyLabel: (at: string) => `Copy path ${cut(at, 300)}`, copyAddressLabel: (at: string) => `Copy address ${cut(at, 300)}`,
    why: 'Makes the volume a folder that every program can use',
    reasons: {
      already: (at: string) => `It is mounted already, at ${cut(at, 120)}`, mounting: 'It is being mounted', notMounted: 'It is not mounted', none: 'No way to mount is known here', notOpen: 'Its files can’t be read', opening: 'It is being opened',
      unmounting: 'It is being unmounted', leaving: 'It was unmounted; programs that have something of it open still hold it', notHere: 'A browser can’t open the file manager; copy the path', noFolder: 'It is an address only; copy it', writes: 'It is mounted for writing: unmount it first',
    },
    badge: 'Mounted', badgeWrite: 'Mounted for writing', badgeWhy: (at: string) => `At ${cut(at, 300)}`, badgeServed: 'Served', mark: 'A volume of it is mounted',
    bar: (name: string) => `Mount of ${cut(name, 60)}`,
    mounted: 'Mounted at', served: 'Served at', mountedAs: (name: string) => `${quoted(name)} is mounted at`, servedAs: (name: string) => `${quoted(name)} is served at`,
    readOnly: 'Read-only', writable: 'For writing', writableWhy: 'What programs write there is a pending change until you apply it.',
    activity: ({ bytesRead, bytesWritten, open }: MountStats, speed: number, write: boolean) => [
      ...(bytesRead > 0 ? [`${formatSize(bytesRead)} read`] : []), ...(write && bytesWritten > 0 ? [`${formatSize(bytesWritten)} written`] : []), ...(speed >= 1 ? [`${formatSize(Math.round(speed))}/s`] : []), ...(open > 0 ? [`${formatCount(open)} open`] : []),
    ].join(', '),
    activityLabel: 'Activity',
    toWriting: 'Mount for writing', mounting: (name: string) => `Mounting ${quoted(name)} …`, unmounting: 'Unmounting …',
    leaving: 'Unmounted; it ends when the programs that have something of it open let it go.', who: 'Who?', noneLeft: 'Nobody is seen to have anything of it open',
    done: { mounted: (name: string, at: string) => `${cut(name, 60)} is mounted at ${cut(at, 300)}`, served: (name: string, at: string) => `${cut(name, 60)} is served at ${cut(at, 300)}`, unmounted: (name: string) => `${cut(name, 60)} is unmounted`, leaving: (name: string) => `${cut(name, 60)} is out of the way; it ends when nobody has anything of it open` },
    ended: {
      unmounted: (name: string, at: string) => `${cut(name, 60)} is no longer mounted: ${cut(at, 300)} was unmounted by another program`,
      failed: (name: string, at: string) => `${cut(name, 60)} is no longer mounted: its mount at ${cut(at, 300)} failed`,
      pending: 'What was written before is a pending change.',
    },
    lost: (at: string) => `It was mounted at ${cut(at, 300)}, which has ended, too.`,
    noAnswer: 'It did not answer for a while.',
  },
  mountDialog: {
    title: (name: string) => `Mount ${cut(name, 60)}`,
    loading: 'Looking for ways to mount …', failed: 'The ways to mount can’t be asked for',
    how: 'How', none: 'Nothing here can mount it', best: 'default',
    place: 'Where', made: 'At a place that is made for it, and taken away afterwards', folder: 'At an empty folder', choose: 'Choose folder…', noFolder: 'No folder chosen yet', folderField: 'Empty folder on this computer', example: '/home/me/mnt',
    access: 'Programs may', read: 'Read', write: 'Read and write', writeHint: 'What programs write there is a pending change until you apply it: the image itself stays as it is.',
    lockedHint: 'The image is open for reading. Once it is unlocked, what programs write there is a pending change until you apply it.', unlock: 'Unlock to edit',
    more: 'More', owner: 'Owner of all files (number)', group: 'Group of all files (number)', umask: 'Permission mask (octal)', asVolume: 'as in the volume', wrongId: 'A number from 0 to 4,294,967,294.', wrongUmask: 'Up to three digits from 0 to 7.', moreHint: 'What is left empty is as the volume has it.',
    mount: 'Mount', mounting: 'Mounting …',
  },
  mountBusy: {
    title: (name: string) => `${cut(name, 60)} is in use`,
    holders: 'What holds it', process: (name: string, pid: number) => `${cut(name, 60)} (process ${pid})`, wholeMount: 'the mount itself', unseen: 'It is not seen which program: one of another account, or of the system.', more: (count: number) => `and ${formatCount(count)} more`,
    hint: 'Close what these programs have open, then try again.',
    lazyHint: 'Unmounting lazily takes it out of the way at once: nobody can open anything there any more, and what is open now stays usable until it is closed. A folder that you chose for it is a plain folder of this computer again: what programs write there by its path does not reach the volume.',
    again: 'Try again', lazily: 'Unmount lazily', keep: 'Keep it mounted', trying: 'Trying …',
    tried: (count: number) => (count === 0 ? 'It is still in use' : `${plural(count, 'process', 'processes')} still ${count === 1 ? 'holds' : 'hold'} it`),
    closeTitle: (names: readonly string[]) => (names.length === 1 ? `Close ${cut(names[0]!, 60)} while it is in use?` : `Close ${formatCount(names.length)} images while they are in use?`),
    closeHint: 'If it is closed all the same, what these programs have open fails from then on, and what they have not written yet is lost.',
    closeAll: 'Close all the same', stay: 'Stay', at: (at: string) => `Mounted at ${cut(at, 300)}`,
  },
} as const;
