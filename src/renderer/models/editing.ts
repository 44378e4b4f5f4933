import type { EditState, Possible } from '../../shared/contract/edit.ts';
import type { LayerRow } from '../../shared/contract/rows.ts';
import { texts } from '../texts/index.ts';

const why = texts.editReasons;

/** true, or the reason. */
export function possible(it: Possible): true | string {
  return it.ok ? true : it.reason;
}

/** Why an image can't be changed at the moment, whatever it is that is to be changed; true when it can. */
export function canWrite(edit: EditState | undefined): true | string {
  if (edit === undefined) return why.loading;
  if (edit.changedUnderneath !== undefined) return why.underneath;
  switch (edit.state) {
    case 'editing': return true;
    case 'applying': return why.applying;
    case 'interrupted': return why.interrupted;
    case 'read-only': return edit.canUnlock.ok ? why.readOnly : edit.canUnlock.reason;
  }
}

/** Why a filesystem of an image can't be changed at the moment; true when it can. */
export function canEdit(edit: EditState | undefined, layer: LayerRow | undefined): true | string {
  const image = canWrite(edit);
  if (image !== true) return image;
  const access = layer?.filesystem?.access;
  return access === undefined || access.write ? true : access.reason;
}

/** Why a filesystem is only read as things stand; undefined where it can be changed. That it could be, once it is unlocked, does not make it so. */
export function onlyRead(edit: EditState | undefined, { access }: NonNullable<LayerRow['filesystem']>): string | undefined {
  if (!access.write) return access.reason;
  return edit?.state === 'editing' || edit?.state === 'applying' ? undefined : edit === undefined ? why.readOnly : String(canWrite(edit));
}

/** What waits for the end of what is being written: undo, redo, apply, discard. */
export function canSettle(edit: EditState | undefined): true | string {
  const image = edit?.changedUnderneath === undefined ? canWrite(edit) : true;
  if (image !== true) return image;
  return edit?.writing === true ? why.writing : true;
}

/** As canSettle, for what takes changes back: undo, redo, discard, lock. An Apply that reached the image in part has to be finished first. */
export function canTakeBack(edit: EditState | undefined): true | string {
  return edit?.unfinished === undefined ? canSettle(edit) : why.unfinished;
}

/** Whether there is something to apply. */
export function hasChanges(edit: EditState | undefined): boolean {
  return edit !== undefined && (edit.operations > 0 || edit.unfinished !== undefined);
}

/** Whether an image has changes that are lost when it is closed: pending ones, or some that are being made. */
export function hasPending(edit: EditState | undefined): boolean {
  return edit !== undefined && (edit.state === 'editing' || edit.changedUnderneath !== undefined) && (hasChanges(edit) || edit.writing);
}
