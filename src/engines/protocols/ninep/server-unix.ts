import { unsupported, usage } from '../../core/errors.ts';
import type { EntryType, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { NANO } from '../shared/linux.ts';
import { encodeStat } from './codec.ts';
import { DM, type Fields, NONE32, NONE64, UNIX_OPEN, type UnixStat } from './messages.ts';
import { type Handlers, position, qidOf, type Served, type ServedFid } from './served.ts';

const TYPE_BITS: Readonly<Record<EntryType, number>> = { file: 0, dir: DM.dir, symlink: DM.symlink, fifo: DM.fifo, socket: DM.socket, char: DM.device, block: DM.device };

const SPECIAL: readonly (readonly [number, number])[] = [[DM.setuid, 0o4000], [DM.setgid, 0o2000], [DM.sticky, 0o1000]];

/** The requests of 9P2000.u. @param payload bytes of data that one frame carries */
export function unixHandlers(served: Served, payload: () => number): Handlers {
  const { fs } = served;
  /** Where each open directory is: bytes told, and the entry that comes next. */
  const places = new WeakMap<ServedFid, { bytes: bigint; entry: number }>();

  return {
    Topen: async ({ fid, mode }) => {
      if ((mode & UNIX_OPEN.removeOnClose) !== 0) throw unsupported('ORCLOSE', 'Removing at the end is not offered');
      return { qid: await served.openFile(served.closed(fid), accessOf(mode), (mode & UNIX_OPEN.truncate) !== 0), iounit: 0 };
    },

    Tcreate: async ({ fid, name, perm, mode, extension }) => {
      const dir = served.closed(fid);
      const { writer } = served;
      const given = { mode: modeOf(perm), uid: dir.uid };
      const parent = dir.way.node;
      const node = await make();
      dir.way = { node, name, up: dir.way };
      if ((perm & (DM.symlink | DM.fifo | DM.socket | DM.device)) !== 0) return { qid: await served.qid(node), iounit: 0 };
      return { qid: await served.openFile(dir, (perm & DM.dir) !== 0 ? { read: true, write: false, append: false } : accessOf(mode), false), iounit: 0 };

      async function make(): Promise<NodeId> {
        if ((perm & DM.dir) !== 0) return writer.mkdir(parent, name, given);
        if ((perm & DM.symlink) !== 0) return writer.symlink(parent, name, extension, given);
        if ((perm & DM.fifo) !== 0) return writer.mknod(parent, name, 'fifo', given);
        if ((perm & DM.socket) !== 0) return writer.mknod(parent, name, 'socket', given);
        if ((perm & DM.device) !== 0) {
          const match = /^([bc]) (\d{1,10}) (\d{1,10})\s*$/.exec(extension);
          if (match === null) throw usage('EINVAL', 'A device is made with "c 8 1"');
          return writer.mknod(parent, name, match[1] === 'b' ? 'block' : 'char', given, { major: Number(match[2]), minor: Number(match[3]) });
        }
        if ((perm & DM.link) !== 0) {
          const target = served.get(Number.parseInt(extension, 10)).way.node;
          await writer.link(parent, name, target);
          return target;
        }
        return writer.create(parent, name, given);
      }
    },

    Tread: async ({ fid, offset, count }) => {
      const file = served.get(fid);
      const most = Math.min(count, payload());
      const listing = file.open?.listing;
      if (listing === undefined) return { data: await served.read(file, offset, most) };
      let place = places.get(file);
      if (place === undefined || offset === 0n) places.set(file, place = { bytes: 0n, entry: FIRST });
      if (offset !== place.bytes) throw usage('EINVAL', 'A directory is read in a row, or from its beginning');
      const parts: Uint8Array[] = [];
      let length = 0;
      await listing.each(place.entry, async (entry, number) => {
        const part = encodeStat(await statOf(served, entry.node, entry.name));
        if (length + part.length > most) {
          if (length === 0) throw usage('EINVAL', `An entry does not fit into ${most} bytes`);
          return false;
        }
        parts.push(part);
        length += part.length;
        place.entry = number + 1;
        return true;
      });
      place.bytes += BigInt(length);
      const data = new Uint8Array(length);
      parts.reduce((at, part) => { data.set(part, at); return at + part.length; }, 0);
      return { data };
    },

    Tstat: async ({ fid }) => {
      const { way } = served.get(fid);
      return { stat: await statOf(served, way.node, way.up === undefined ? '/' : way.name) };
    },

    Twstat: async ({ fid, stat }) => {
      await setStat(served, served.get(fid), stat);
      return {};
    },
  };

  async function setStat({ writer }: Served, file: ServedFid, stat: Fields<'Twstat'>['stat']): Promise<void> {
    const { node } = file.way;
    const changes = {
      ...(stat.mode === NONE32 ? {} : { mode: modeOf(stat.mode) }), ...(stat.n_uid === NONE32 ? {} : { uid: stat.n_uid }), ...(stat.n_gid === NONE32 ? {} : { gid: stat.n_gid }),
      ...(stat.mtime === NONE32 ? {} : { mtime: BigInt(stat.mtime) * NANO }), ...(stat.atime === NONE32 ? {} : { atime: BigInt(stat.atime) * NANO }),
    };
    const changed = Object.keys(changes).length > 0;
    const { type } = await fs.stat(node);
    if (stat.mode !== NONE32 && ((stat.mode & DM.dir) !== 0) !== (type === 'dir')) throw usage('EINVAL', 'The type of a file is not changed');
    if (stat.name !== '' && stat.name !== file.way.name) {
      const { dir, name } = await served.named(file);
      await writer.rename(dir, name, dir, stat.name, 'replace');
      file.way = { ...file.way, name: stat.name };
    }
    if (stat.length !== NONE64) await writer.truncate(node, position(stat.length));
    if (changed) await writer.change(node, changes);
    if (!changed && stat.length === NONE64 && stat.name === '') await writer.sync();
  }
}

/** "." and ".." are no records of a directory (read(5)). */
const FIRST = 2;

async function statOf(served: Served, node: NodeId, name: Name): Promise<UnixStat> {
  const stat = await served.fs.stat(node);
  return {
    type: 0, dev: 0, qid: qidOf(stat), mode: (SPECIAL.reduce((mode, [special, bit]) => ((stat.mode & bit) === 0 ? mode : mode | special), stat.mode & 0o777) | TYPE_BITS[stat.type]) >>> 0,
    atime: seconds(stat.atime), mtime: seconds(stat.mtime), length: stat.type === 'dir' ? 0n : BigInt(stat.size), name,
    uid: String(stat.uid), gid: String(stat.gid), muid: '', extension: await extensionOf(served, stat), n_uid: stat.uid, n_gid: stat.gid, n_muid: NONE32,
  };
}

async function extensionOf(served: Served, { type, node, device }: Stat): Promise<Name> {
  if (type === 'symlink') return served.fs.readlink(node);
  if (device === undefined) return '';
  return `${type === 'block' ? 'b' : 'c'} ${device.major} ${device.minor}`;
}

function modeOf(perm: number): number {
  return SPECIAL.reduce((mode, [special, bit]) => ((perm & special) === 0 ? mode : mode | bit), perm & 0o777);
}

function accessOf(mode: number): { read: boolean; write: boolean; append: boolean } {
  const access = mode & 3;
  return { read: access !== UNIX_OPEN.write, write: access === UNIX_OPEN.write || access === UNIX_OPEN.both, append: false };
}

/** The nearest of the seconds that 32 bits can tell, without the one that means "as it is". */
function seconds(time: bigint): number {
  const second = time / NANO;
  return Number(second < 0n ? 0n : second >= BigInt(NONE32) ? BigInt(NONE32) - 1n : second);
}
