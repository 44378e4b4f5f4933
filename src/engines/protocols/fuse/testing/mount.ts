import { dir } from '../../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../testing/memory-writer.ts';
import { ATTR_OUT_ATTR, EntryOut, GetattrIn, OP, OpenIn, OpenOut } from '../layout.ts';
import { fill, FuseClient, statOf } from './client.ts';
import { mounted, named, type TestKernel } from './kernel.ts';
import { later } from './later.ts';

/** A writable tree in memory, mounted. @param slow it answers later */
export async function made(root = dir(), slow = false): Promise<Awaited<ReturnType<typeof mounted>> & { readonly fs: WritableMemoryFileSystem; readonly client: FuseClient }> {
  const fs = new WritableMemoryFileSystem(root);
  const mount = await mounted(slow ? later(fs) : fs);
  return { ...mount, fs, client: new FuseClient(mount.kernel, { write: true, info: fs.info }) };
}

/** The kernel's number of a name's node; 0 for none. */
export async function lookup(kernel: TestKernel, folder: number, name: string): Promise<number> {
  return EntryOut.at(await kernel.call(OP.LOOKUP, folder, named(name))).nodeid;
}

/** @returns its handle */
export async function openFile(kernel: TestKernel, node: number, flags = 2, open_flags = 0): Promise<number> {
  return OpenOut.at(await kernel.call(OP.OPEN, node, fill(OpenIn, { flags, open_flags }))).fh;
}

/** Permission bits. */
export async function modeOf(kernel: TestKernel, node: number): Promise<number> {
  return statOf(await kernel.call(OP.GETATTR, node, fill(GetattrIn, {})), ATTR_OUT_ATTR, node).mode;
}
