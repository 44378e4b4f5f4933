import { usage } from '../../../engines/core/errors.ts';
import type { NodeId } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { newTally } from '../extract/tally.ts';
import type { WritableFileSystem } from '../untar.ts';
import { copyContents } from './copy.ts';
import { HostTree } from './host-tree.ts';

/**
 * Puts all that is in a folder of this computer into one of an image, which gets that folder's own mode, owner, times and attributes, too.
 * Folders of the same name are merged.
 * @param path absolute
 * @throws DiskError usage ENOENT, ENOTDIR, ENOSPC; cancelled
 */
export async function putTree(fs: WritableFileSystem, folder: NodeId, path: string, job: JobContext): Promise<JobSummary> {
  const tree = new HostTree([path], { whole: true });
  try {
    const { node } = tree.entries[0]!;
    if ((await tree.stat(node)).type !== 'dir') throw usage('ENOTDIR', `${path} is no folder`);
    return await copyContents(tree, node, { fs, folder }, { conflict: 'replace', folders: 'merge' }, job, newTally());
  } finally {
    tree.close();
  }
}
