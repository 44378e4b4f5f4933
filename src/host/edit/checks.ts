import type { Check } from '../../engines/core/check.ts';
import { unsupported } from '../../engines/core/errors.ts';
import type { Layer } from '../../engines/core/layers.ts';
import type { FilesystemFormat, RegistryEntry } from '../../engines/core/probe.ts';

/** Whether a layer's bytes are a filesystem's, sound enough to be opened or not. */
export function isCheckable(layer: Layer): boolean {
  return layer.kind === 'filesystem';
}

/** Whether a layer is a filesystem that a repair may make writable again. */
export function isDamaged(layer: Layer): boolean {
  if (!isCheckable(layer)) return false;
  const kinds = [layer.error?.kind, layer.notWritable?.kind];
  return kinds.includes('corrupt') || kinds.includes('dirty') || layer.filesystem?.info.state === 'errors' || layer.notes.some(({ severity }) => severity === 'error');
}

/** Whether there is a check for a layer's format. */
export async function hasCheck(layer: Layer, registry: readonly RegistryEntry[]): Promise<boolean> {
  return isCheckable(layer) && (await load(layer, registry))?.check !== undefined;
}

/** The check of a layer's format. @throws DiskError unsupported where there is none */
export async function checkOf(layer: Layer, registry: readonly RegistryEntry[]): Promise<Check> {
  const check = await (await load(layer, registry))?.check?.();
  if (check === undefined) throw unsupported('check', `There is no check for ${layer.title}`);
  return check;
}

async function load(layer: Layer, registry: readonly RegistryEntry[]): Promise<FilesystemFormat | undefined> {
  const format = await registry.find(({ id, kind }) => kind === 'filesystem' && id === formatOf(layer))?.load();
  return format?.kind === 'filesystem' ? format : undefined;
}

/** The registry's id of a layer's format: `format` itself is the variant, such as "ext2" of "ext4". */
export function formatOf(layer: Layer): string {
  return /^native:(.+)$/.exec(layer.openers[0]?.id ?? '')?.[1] ?? layer.format;
}
