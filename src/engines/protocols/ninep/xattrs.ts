import { isDiskError } from '../../core/errors.ts';
import type { NodeId, Xattrs } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { RemoteXattrs } from './operations.ts';
import type { Tree } from './tree.ts';

/** Extended attributes as the server's kernel hands them out. A filesystem without any has none of any name. */
export function ninepXattrs(tree: Tree, remote: RemoteXattrs): Xattrs {
  const ask = async <T>(id: NodeId, run: (fid: number) => Promise<T>, none: T): Promise<T> => {
    const node = tree.node(id);
    if (node.ghost) return none;
    return tree.gate.shared(async () => {
      try {
        return await tree.withFid(node, run);
      } catch (error) {
        if (isWithout(error)) return none;
        throw error;
      }
    });
  };
  return {
    list: (id) => ask<readonly Name[]>(id, (fid) => remote.list(fid), []),
    get: (id, name) => ask<Uint8Array | undefined>(id, (fid) => remote.get(fid, name), undefined),
  };
}

/** Whether the other side keeps no attributes, or none of that name. */
function isWithout(error: unknown): boolean {
  return isDiskError(error) && error.fault.kind === 'usage' && (error.fault.errno === 'ENOTSUP' || error.fault.errno === 'ENODATA');
}
