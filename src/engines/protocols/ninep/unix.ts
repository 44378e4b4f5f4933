import { unsupported } from '../../core/errors.ts';
import type { EntryType } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { NANO } from '../shared/linux.ts';
import type { NinepClient } from './client.ts';
import { broken, decodeStats } from './codec.ts';
import { DM, NONE32, NONE64, type Qid, UNIX_OPEN, type UnixStat } from './messages.ts';
import { type Attributes, checkEntryName, type Device, type Operations, type RemoteBatch, safe, walk } from './operations.ts';

/** The bits of a mode that say a type. */
const TYPE_OF: readonly (readonly [number, EntryType])[] = [[DM.dir, 'dir'], [DM.symlink, 'symlink'], [DM.fifo, 'fifo'], [DM.socket, 'socket']];

/** Setuid, setgid and sticky, as .u spells them. */
const SPECIAL: readonly (readonly [number, number])[] = [[DM.setuid, 0o4000], [DM.setgid, 0o2000], [DM.sticky, 0o1000]];

/** Times of 32 bits: seconds that can be told. ~0 means "as it is". */
const LAST_SECOND = 0xfffffffen;

/**
 * The operations of 9P2000.u, which servers on other systems speak. It tells less: times in whole seconds, no number of links, no room, no
 * attributes; a name can be changed only within its directory.
 */
export function unixOperations(client: NinepClient): Operations {
  /** Directories are read in a row or from the beginning (read(5)): where each open one is. Readers of one wait for one another. */
  const places = new Map<number, { at: bigint; turn: Promise<unknown> }>();

  /** One message of entries from where the directory is. */
  const step = async (fid: number, place: { at: bigint }): Promise<readonly UnixStat[]> => {
    const { data } = await client.call('Tread', { fid, offset: place.at, count: client.payload });
    place.at += BigInt(data.length);
    return decodeStats(data);
  };

  const makeWith = async (dir: number, name: Name, perm: number, mode: number, extension: Name): Promise<Qid> => {
    const { fid } = await walk(client, dir, []);
    try {
      return (await client.call('Tcreate', { fid, name, perm: perm >>> 0, mode, extension })).qid;
    } finally {
      await client.clunk(fid);
    }
  };

  return {
    nanoseconds: false,

    async attributes(fid) {
      return attributesOf((await client.call('Tstat', { fid })).stat);
    },

    async open(fid, how) {
      const { iounit } = await client.call('Topen', { fid, mode: how === 'both' ? UNIX_OPEN.both : UNIX_OPEN.read });
      if (how === 'directory') places.set(fid, { at: 0n, turn: Promise.resolve() });
      return iounit;
    },

    async entries(fid, at): Promise<RemoteBatch> {
      const place = places.get(fid) ?? { at: 0n, turn: Promise.resolve() };
      places.set(fid, place);
      const turn = place.turn.then(async (): Promise<RemoteBatch> => {
        if (place.at > at) place.at = 0n;
        while (place.at < at) if ((await step(fid, place)).length === 0) break;
        if (place.at !== at) throw broken('a directory whose records lie otherwise than before');
        const stats = await step(fid, place);
        if (stats.length === 0) return { entries: [], next: undefined };
        const entries = stats.filter(({ name }) => name !== '.' && name !== '..').map((stat) => {
          checkEntryName(stat.name);
          return { name: stat.name, qid: stat.qid, type: typeOf(stat) };
        });
        return { entries, next: place.at };
      });
      place.turn = turn.catch(() => undefined);
      return turn;
    },

    async readlink(fid) {
      return (await client.call('Tstat', { fid })).stat.extension;
    },

    async create(fid, name, mode) {
      return client.call('Tcreate', { fid, name, perm: permOf(mode), mode: UNIX_OPEN.both, extension: '' });
    },

    mkdir: (dir, name, mode) => makeWith(dir, name, permOf(mode) | DM.dir, UNIX_OPEN.read, ''),
    symlink: (dir, name, target) => makeWith(dir, name, DM.symlink | 0o777, UNIX_OPEN.read, target),
    async mknod(dir, name, type, mode, { major, minor }) {
      const special = type === 'fifo' ? DM.fifo : type === 'socket' ? DM.socket : DM.device;
      return makeWith(dir, name, permOf(mode) | special, UNIX_OPEN.read, special === DM.device ? `${type === 'char' ? 'c' : 'b'} ${major} ${minor}` : '');
    },

    async link(dir, name, fid) {
      // As Linux's client asks for one (v9fs_vfs_link).
      await makeWith(dir, name, DM.link, UNIX_OPEN.read, `${fid}\n`);
    },

    async remove(dir, name) {
      const { fid } = await walk(client, dir, [name]);
      // The fid goes with it, also when it fails (remove(5)).
      try {
        await client.call('Tremove', { fid });
      } finally {
        client.freeFid(fid);
      }
    },

    async rename(fromDir, from, toDir, to) {
      const [there, here] = await Promise.all([client.call('Tstat', { fid: toDir }), client.call('Tstat', { fid: fromDir })]);
      if (there.stat.qid.path !== here.stat.qid.path) throw unsupported('rename across directories', '9P2000.u changes a name within its directory alone', 'Copy it, then remove the old one.');
      const { fid } = await walk(client, fromDir, [from]);
      try {
        await client.call('Twstat', { fid, stat: { ...KEEP, name: to } });
      } finally {
        await client.clunk(fid);
      }
    },

    async set(fid, { mode, uid, gid, size, mtime, atime }) {
      const stat = {
        ...KEEP, ...(uid === undefined ? {} : { n_uid: uid }), ...(gid === undefined ? {} : { n_gid: gid }), ...(size === undefined ? {} : { length: BigInt(size) }),
        ...(mtime === undefined ? {} : { mtime: seconds(mtime) }), ...(atime === undefined ? {} : { atime: seconds(atime) }),
      };
      if (mode === undefined) await client.call('Twstat', { fid, stat });
      else {
        // A mode is set with the type that it has.
        const { stat: there } = await client.call('Tstat', { fid });
        await client.call('Twstat', { fid, stat: { ...stat, mode: (there.mode & ~0o777 & ~(DM.setuid | DM.setgid | DM.sticky) | permOf(mode)) >>> 0 } });
      }
    },

    async sync(fid) {
      // "As it is" in every field asks for nothing but that it be on stable storage (stat(5)).
      await client.call('Twstat', { fid, stat: KEEP });
    },

    space: () => Promise.resolve(undefined),
  };
}

/** A stat that changes nothing (stat(5)). */
const KEEP: UnixStat = {
  type: 0xffff, dev: NONE32, qid: { type: 0xff, version: NONE32, path: NONE64 }, mode: NONE32, atime: NONE32, mtime: NONE32, length: NONE64,
  name: '', uid: '', gid: '', muid: '', extension: '', n_uid: NONE32, n_gid: NONE32, n_muid: NONE32,
};

function typeOf({ mode, extension }: UnixStat): EntryType {
  for (const [bit, type] of TYPE_OF) if ((mode & bit) !== 0) return type;
  if ((mode & DM.device) === 0) return 'file';
  return extension.startsWith('b') ? 'block' : 'char';
}

function permOf(mode: number): number {
  return SPECIAL.reduce((perm, [special, bit]) => ((mode & bit) === 0 ? perm : perm | special), mode & 0o777);
}

function attributesOf(stat: UnixStat): Attributes {
  const type = typeOf(stat);
  const mode = SPECIAL.reduce((sum, [special, bit]) => ((stat.mode & special) === 0 ? sum : sum | bit), stat.mode & 0o777);
  const size = type === 'symlink' ? Math.max(safe(stat.length, 'A size'), 0) : safe(stat.length, 'A size');
  const mtime = BigInt(stat.mtime) * NANO;
  return {
    qid: stat.qid, type, mode, uid: stat.n_uid, gid: stat.n_gid, nlink: 1, size, allocated: type === 'file' ? Math.ceil(size / 512) * 512 : 0,
    mtime, atime: BigInt(stat.atime) * NANO, ctime: mtime,
    ...(type === 'char' || type === 'block' ? { device: deviceOf(stat.extension) } : {}),
  };
}

function deviceOf(extension: Name): Device {
  const match = /^[cb] (\d{1,10}) (\d{1,10})\0?$/.exec(extension);
  if (match === null) throw broken('a device without its numbers');
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** The nearest second that 32 bits can tell. */
function seconds(time: bigint): number {
  const second = time / NANO;
  return Number(second < 0n ? 0n : second > LAST_SECOND ? LAST_SECOND : second);
}
