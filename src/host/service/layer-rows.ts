import { type Layer, layersOf } from '../../engines/core/layers.ts';
import type { ImageInfo, LayerRow } from '../../shared/contract/rows.ts';
import type { ImageSession } from '../session.ts';

/** An open image as its clients see it. */
export function imageInfo(session: ImageSession): ImageInfo {
  return {
    name: session.name, path: session.path, size: session.size, summary: session.summary(),
    layers: [...layersOf(session.layers)].map(layerRow),
  };
}

function layerRow(layer: Layer): LayerRow {
  const { path, kind, format, title, label, uuid, offset, size, evidence, alternatives, openers, details, volume, filesystem, error } = layer;
  return {
    path, kind, format, title, label, uuid, offset, size, evidence, alternatives, openers, details, notes: [...layer.notes],
    ...(error ? { error: error.toJSON() } : {}),
    ...(volume ? { volume: { ...(volume.number === undefined ? {} : { number: volume.number }), kind: volume.kind, typeId: volume.typeId, flags: volume.flags } } : {}),
    ...(filesystem ? { filesystem: filesystemRow(filesystem) } : {}),
  };
}

function filesystemRow({ root, info }: NonNullable<Layer['filesystem']>): NonNullable<LayerRow['filesystem']> {
  const { free, blockSize, state, features, inodes, access } = info;
  return { root, free, blockSize, state, features, access, ...(inodes ? { inodes } : {}) };
}
