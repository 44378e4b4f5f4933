import { isDiskError } from '../../../engines/core/errors.ts';
import type { Maybe, NodeId } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { NewNode, Writer } from '../../../engines/core/writer.ts';

/**
 * Makes a file with all of its contents in one operation.
 * @returns undefined where the writer can't do so, or where one operation is too much: in several it may go, and if not, that tells why
 * @throws DiskError as Writer.put, but for ENOSPC
 */
export function putWhole(writer: Writer, folder: NodeId, name: Name, node: NewNode, contents: Uint8Array): Maybe<NodeId | undefined> {
  try {
    const made = writer.put?.(folder, name, node, contents);
    return made instanceof Promise ? made.catch(unlessFull) : made;
  } catch (error) {
    return unlessFull(error);
  }
}

function unlessFull(error: unknown): undefined {
  if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'ENOSPC') throw error;
}
