import { registry } from '../index.ts';
import type { BlockDevice } from '../core/bytes/device.ts';
import { closeLayers, type Layer, layersOf } from '../core/layer.ts';
import { openLayers } from '../core/layers.ts';
import type { FileSystem } from '../core/filesystem.ts';
import { testContext } from './context.ts';

/** An image opened by the engines, as every client opens it. */
export interface OpenImage {
  readonly layers: Layer;
  /** The only filesystem in it. */
  readonly fs: FileSystem;
  close(): Promise<void>;
}

/**
 * Opens a device through the registry and finds its only filesystem.
 * @throws the layer's own DiskError when nothing in it could be opened
 */
export async function openImage(device: BlockDevice): Promise<OpenImage> {
  const layers = await openLayers(device, registry, testContext());
  const all = [...layersOf(layers)];
  const found = all.filter((layer) => layer.filesystem !== undefined);
  if (found.length !== 1) {
    throw all.find((layer) => layer.error !== undefined)?.error ?? new Error(`${found.length} filesystems among the layers ${all.map((layer) => layer.format).join(', ')}`);
  }
  return {
    layers, fs: found[0]!.filesystem!,
    async close() {
      await closeLayers(layers);
      device.close();
    },
  };
}
