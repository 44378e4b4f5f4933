import { isDiskError } from '../../core/errors.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { Writer } from '../../core/writer.ts';

/** Tries for a name that is free. */
const TRIES = 16;

/**
 * Does something under a name of its own beside what it is for, so that nothing half done is ever seen under the real one.
 * The name is short enough for every format (Minix: 14 bytes), and begins with a dot.
 * @param run makes what goes by the name; tried again with another where that is taken
 */
export async function underOwnName<T>(random: (into: Uint8Array) => void, run: (name: Name) => Promise<T>): Promise<T> {
  for (let i = 1; ; i++) {
    const bytes = new Uint8Array(4);
    random(bytes);
    const digits = bytes.reduce((sum, byte) => sum * 256 + byte, 0).toString(36).slice(-5).padStart(5, '0');
    try {
      return await run(`.clutch-${digits}`);
    } catch (error) {
      if (i === TRIES || !isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'EEXIST') throw error;
    }
  }
}

/**
 * Puts what is at one place at another, in place of what is there: that is set aside until it is done, and comes back when it fails.
 * @returns the name under which the old one lies still, in `toDir`; undefined when there was none, or it went with the rename
 */
export async function moveInto(fs: FileSystem, writer: Writer, from: { readonly dir: NodeId; readonly name: Name }, to: { readonly dir: NodeId; readonly name: Name }, random: (into: Uint8Array) => void): Promise<Name | undefined> {
  const [source, target] = [await fs.lookup(from.dir, from.name), await fs.lookup(to.dir, to.name)];
  const isDir = async (node: NodeId | undefined): Promise<boolean> => node !== undefined && (await fs.stat(node)).type === 'dir';
  if (target === undefined || target === source || !await isDir(source) && !await isDir(target)) {
    await writer.rename(from.dir, from.name, to.dir, to.name, 'replace');
    // Two names of one file: rename(2) leaves both.
    if (target === source && source !== undefined && (from.dir !== to.dir || writer.names.caseSensitive) && await fs.lookup(from.dir, from.name) !== undefined) await writer.unlink(from.dir, from.name);
    return undefined;
  }
  return underOwnName(random, async (aside) => {
    await writer.rename(to.dir, to.name, to.dir, aside, 'keep');
    try {
      await writer.rename(from.dir, from.name, to.dir, to.name, 'keep');
    } catch (error) {
      await writer.rename(to.dir, aside, to.dir, to.name, 'keep');
      throw error;
    }
    return aside;
  });
}
