import type { FileSystem, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { Name } from '../../engines/core/names.ts';
import type { SortKey } from '../../shared/contract/rows.ts';
import { identitiesOf } from './identities.ts';
import { type Listing, statAll } from './listing.ts';
import { compareNatural, naturalOrder } from './natural.ts';

/** Compares two entries of a listing by their numbers. */
export type Compare = (a: number, b: number) => number;

/**
 * The order of a listing: folders first, then by the key, then by name; 0 for no two entries. All keys but the name, the type and the
 * inode's number need a look at every inode.
 */
export async function comparison(fs: FileSystem, listing: Listing, key: SortKey, descending: boolean, job: JobContext): Promise<Compare> {
  const { names, types } = listing;
  const folders = new Uint8Array(types.length);
  for (let i = 0; i < types.length; i++) folders[i] = types[i] === 'dir' ? 1 : 0;
  const byKey = await comparisonBy(fs, listing, key, job);
  const byName = naturalOrder(names);
  const sign = descending ? -1 : 1;
  return (a, b) => {
    if (folders[a] !== folders[b]) return folders[b]! - folders[a]!;
    // A damaged directory may hold a name twice: the place in the listing decides last.
    return sign * ((byKey && byKey(a, b)) || byName(a, b)) || a - b;
  };
}

/** By the key alone; undefined where the name is all. */
async function comparisonBy(fs: FileSystem, { names, nodes, types }: Listing, key: SortKey, job: JobContext): Promise<Compare | undefined> {
  const numbers = async (pick: (stat: Stat) => number): Promise<Compare> => {
    // A node that can't be read sorts like an empty one.
    const values = new Float64Array(nodes.length);
    await statAll(fs, nodes, job, (stat, i) => { values[i] = pick(stat); });
    return (a, b) => values[a]! - values[b]!;
  };
  const times = async (pick: (stat: Stat) => bigint | undefined): Promise<Compare> => {
    // Rounded to a quarter of a microsecond they are compared quickly; equal ones exactly. What keeps no such time goes first.
    const rounded = new Float64Array(nodes.length).fill(Number.NEGATIVE_INFINITY);
    const exact: bigint[] = Array.from<bigint>({ length: nodes.length }).fill(0n);
    await statAll(fs, nodes, job, (stat, i) => {
      const time = pick(stat);
      if (time === undefined) return;
      exact[i] = time;
      rounded[i] = Number(time);
    });
    return (a, b) => (rounded[a]! < rounded[b]! ? -1 : rounded[a]! > rounded[b]! ? 1 : exact[a]! < exact[b]! ? -1 : exact[a]! > exact[b]! ? 1 : 0);
  };
  const identities = async (pick: (stat: Stat) => number, nameOf: (id: number) => string | undefined): Promise<Compare> => {
    const ids = new Float64Array(nodes.length);
    await statAll(fs, nodes, job, (stat, i) => { ids[i] = pick(stat); });
    const places = new Map([...new Set(ids)].map((id) => ({ id, name: nameOf(id) })).toSorted((a, b) => (
      a.name === undefined || b.name === undefined ? Number(a.name === undefined) - Number(b.name === undefined) || a.id - b.id : compareNatural(a.name, b.name) || a.id - b.id
    )).map(({ id }, place) => [id, place]));
    const order = Uint32Array.from(ids, (id) => places.get(id)!);
    return (a, b) => order[a]! - order[b]!;
  };
  switch (key) {
    case 'name': return undefined;
    case 'inode': return (a, b) => nodes[a]! - nodes[b]!;
    case 'type': {
      const kinds = ranks(names.map((name, i) => (types[i] === 'file' ? `file ${extensionOf(name)}` : `${types[i]}`)), plain);
      return (a, b) => kinds[a]! - kinds[b]!;
    }
    case 'size': return numbers((stat) => stat.size);
    case 'allocated': return numbers((stat) => stat.allocated);
    case 'mode': return numbers((stat) => stat.mode);
    case 'links': return numbers((stat) => stat.nlink);
    case 'uid': return numbers((stat) => stat.uid);
    case 'gid': return numbers((stat) => stat.gid);
    case 'owner': return identities((stat) => stat.uid, (await identitiesOf(fs)).user);
    case 'group': return identities((stat) => stat.gid, (await identitiesOf(fs)).group);
    case 'mtime': return times((stat) => stat.mtime);
    case 'ctime': return times((stat) => stat.ctime);
    case 'atime': return times((stat) => stat.atime);
    case 'btime': return times((stat) => stat.btime);
    case 'flags': {
      const flags = names.map(() => '');
      await statAll(fs, nodes, job, (stat, i) => { flags[i] = stat.flags.join(' '); });
      const order = ranks(flags, plain);
      return (a, b) => order[a]! - order[b]!;
    }
    case 'target': {
      const targets = names.map(() => '');
      for (const [i, type] of types.entries()) {
        if (type !== 'symlink') continue;
        try {
          targets[i] = await fs.readlink(nodes[i]!);
        } catch {
          // Its row tells the error.
        }
        const pause = job.breathe();
        if (pause) await pause;
      }
      const order = ranks(targets, compareNatural);
      return (a, b) => order[a]! - order[b]!;
    }
  }
}

const plain = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Each value's place among the different ones. */
function ranks(values: readonly string[], compare: (a: string, b: string) => number): Uint32Array {
  const places = new Map([...new Set(values)].toSorted(compare).map((value, i) => [value, i]));
  return Uint32Array.from(values, (value) => places.get(value)!);
}

/** "" for none, and for names that are all extension (".profile"). */
function extensionOf(name: Name): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}
