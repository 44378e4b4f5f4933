import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { SliceDevice } from '../../engines/core/bytes/slice.ts';
import { unsupported } from '../../engines/core/errors.ts';
import { type Layer, layersOf } from '../../engines/core/layer.ts';
import { whyFixed } from '../edit/checks.ts';
import { LockedImage } from '../edit/locked-image.ts';
import type { ImageSession } from '../session.ts';

/**
 * What other programs are given of a layer: its bytes; of a container, and of a volume that holds one, what is in it.
 * @throws DiskError why a container can't be opened
 */
export function contentOf(layer: Layer): Layer {
  const container = layer.kind === 'volume' && layer.children[0]?.kind === 'container' ? layer.children[0] : layer;
  if (container.kind !== 'container') return layer;
  const [inner] = container.children;
  if (inner === undefined) throw container.error ?? unsupported(container.format, `There is nothing in the ${container.title}`);
  return contentOf(inner);
}

/** A device that writes to the image itself. */
export interface DirectDevice {
  readonly device: BlockDevice;
  /** Gives the image back. */
  close(): void;
}

/**
 * The bytes of a layer in the image itself, for reading and writing, with the image's lock. The session must be closed before they are written to: its
 * filesystems would not notice.
 * @throws DiskError unsupported for what is packed; busy when another program has the image; usage EACCES, EROFS; io
 */
export function openDirect(session: ImageSession, layer: Layer): DirectDevice {
  const chain = [...layersOf(session.layers)].filter(({ path }) => layer.path === path || layer.path.startsWith(`${path}/`));
  const packed = chain.find(({ kind, path }) => kind === 'container' && path !== layer.path);
  if (packed !== undefined) throw unsupported(packed.format, `A ${packed.title} can't be written to in its place`);
  const fixed = whyFixed(layer);
  if (fixed !== undefined) throw fixed;
  const image = new LockedImage(session.files, { write: true });
  const at = chain.reduce((sum, { offset }) => sum + offset, 0);
  return { device: new SliceDevice(image.device, at, layer.device.size), close: () => image.close() };
}
