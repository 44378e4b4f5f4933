import { usage } from '../../engines/core/errors.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { editCalls, EditState } from '../../shared/contract/edit.ts';
import type { Cancel, Service } from '../../shared/rpc/types.ts';

export type EditService = Pick<Service<HostContract>, keyof typeof editCalls>;

const refuse = (): never => { throw usage('EROFS', 'The image is open for reading'); };

async function* silent(first: EditState | undefined, cancel: Cancel): AsyncGenerator<never> {
  if (first !== undefined) yield first as never;
  if (!cancel.aborted) await new Promise<void>((done) => { cancel.onAbort(done); });
}

/** An image that is read, and not changed. */
export class Editing {
  readonly pending = 0;

  onPending(_tell: (pending: number) => void): void {}

  service(): EditService {
    const reason = 'Images are open for reading';
    const state = { state: 'read-only', canUnlock: { ok: false, reason }, canApply: { ok: false, reason }, operations: 0, bytes: 0, writing: false } satisfies EditState;
    return {
      'edit.changes': (_params, cancel) => silent(state, cancel), 'tree.changes': (_params, cancel) => silent(undefined, cancel),
      'edit.unlock': refuse, 'edit.lock': () => state, 'edit.review': () => ({ operations: [], total: 0 }), 'edit.undo': refuse, 'edit.redo': refuse, 'edit.discard': refuse, 'edit.apply': refuse, 'edit.saveAs': refuse,
      'edit.recover': refuse, 'entry.create': refuse, 'entry.rename': refuse, 'entry.change': refuse, 'entry.xattr': refuse, 'delete.start': refuse, 'copy.start': refuse, 'copy.plan': refuse,
      'put.start': refuse, 'put.plan': refuse, 'parcel.pack': refuse, 'parcel.unpack': refuse, 'check.start': refuse, 'check.rows': refuse, 'check.repair': refuse, 'check.report': refuse, 'check.save': refuse,
    };
  }
}
