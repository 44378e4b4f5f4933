import { toDiskError } from '../../engines/core/errors.ts';
import type { Subvolumes } from '../../engines/core/filesystem.ts';
import { isWaiting, type Layer, layersOf } from '../../engines/core/layer.ts';
import { GUEST } from '../../engines/core/offers.ts';
import { displayName } from '../../engines/core/names.ts';
import type { ImageInfo, LayerRow, SubvolumeRow } from '../../shared/contract/rows.ts';
import { hasCheck } from '../edit/checks.ts';
import type { ImageSession } from '../session.ts';

/** Subvolumes of one filesystem that the window shows: snapshots are made by the hour and kept for years. */
const MAX_SUBVOLUMES = 4096;

/** An open image as its clients see it. */
export async function imageInfo(session: ImageSession): Promise<ImageInfo> {
  const layers: LayerRow[] = [];
  for (const layer of layersOf(session.layers)) layers.push({ ...(await layerRow(layer, await hasCheck(layer, session.registry))), ...guestRow(layer, session) });
  return { name: session.name, path: session.path, size: session.size, summary: session.summary(), layers };
}

/** @param checkable its format has a check */
async function layerRow(layer: Layer, checkable: boolean): Promise<LayerRow> {
  const { path, kind, format, title, label, uuid, offset, size, evidence, alternatives, guesses, openers, details, volume, filesystem, error, partOf } = layer;
  const trees = filesystem?.subvolumes === undefined ? undefined : await subvolumeRows(filesystem.subvolumes);
  return {
    path, kind, format, title, label: displayName(label), uuid, offset, size, evidence, alternatives, guesses, openers, details: details.map(([name, value]) => [name, displayName(value)] as const), notes: trees?.note === undefined ? [...layer.notes] : [...layer.notes, trees.note],
    ...(error ? { error: error.toJSON() } : {}),
    ...(partOf === undefined ? {} : { partOf }),
    ...(volume ? { volume: { ...(volume.number === undefined ? {} : { number: volume.number }), kind: volume.kind, typeId: volume.typeId, flags: volume.flags } } : {}),
    ...(filesystem ? { filesystem: { ...filesystemRow(filesystem), ...(checkable ? { checkable } : {}), ...(trees ? { subvolumes: trees.rows } : {}) } } : {}),
  };
}

/** What a layer has of guests. */
function guestRow(layer: Layer, { guestLayers }: ImageSession): Pick<LayerRow, 'waiting' | 'guest'> {
  const told = layer.openers[0]?.id.startsWith(GUEST) ? guestLayers.find(layer.path)?.state : undefined;
  return { ...(isWaiting(layer) ? { waiting: true } : {}), ...(told === undefined ? {} : { guest: told }) };
}

function filesystemRow({ root, info, writer }: NonNullable<Layer['filesystem']>): NonNullable<LayerRow['filesystem']> {
  const { free, blockSize, state, features, featureDetails, inodes, access } = info;
  return { root, free, blockSize, state, features, access, ...(inodes ? { inodes } : {}), ...(writer ? { names: writer.names } : {}), ...(featureDetails ? { featureDetails } : {}) };
}

/** Damage in the list of subvolumes is a note: the tree at the top can be read without it. */
async function subvolumeRows(subvolumes: Subvolumes): Promise<{ readonly rows: readonly SubvolumeRow[]; readonly note?: LayerRow['notes'][number] }> {
  try {
    const all = await subvolumes.list();
    const rows = all.slice(0, MAX_SUBVOLUMES).map(({ id, path, parent, readOnly, snapshot, root }) => ({ id, path, display: displayName(path), readOnly, snapshot, root, ...(parent === undefined ? {} : { parent }) }));
    return all.length <= MAX_SUBVOLUMES ? { rows } : { rows, note: { severity: 'note', message: `The filesystem has ${all.length} subvolumes; the first ${MAX_SUBVOLUMES} are shown` } };
  } catch (error) {
    return { rows: [], note: { severity: 'warning', message: `The subvolumes can't be listed: ${toDiskError(error).message}` } };
  }
}
