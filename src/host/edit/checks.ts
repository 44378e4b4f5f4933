import type { Check } from '../../engines/core/check.ts';
import { unsupported } from '../../engines/core/errors.ts';
import type { Layer } from '../../engines/core/layers.ts';
import type { RegistryEntry } from '../../engines/core/probe.ts';

/** Whether a layer's bytes are a filesystem's, sound enough to be opened or not. */
export function isCheckable(layer: Layer): boolean {
  return layer.kind === 'filesystem';
}

/** The check of a layer's format. @throws DiskError unsupported where there is none */
export async function checkOf(layer: Layer, registry: readonly RegistryEntry[]): Promise<Check> {
  const format = await registry.find(({ id, kind }) => kind === 'filesystem' && id === formatOf(layer))?.load();
  const check = format?.kind === 'filesystem' ? await format.check?.() : undefined;
  if (check === undefined) throw unsupported('check', `There is no check for ${layer.title}`);
  return check;
}

/** The registry's id of a layer's format: `format` itself is the variant, such as "ext2" of "ext4". */
export function formatOf(layer: Layer): string {
  return /^native:(.+)$/.exec(layer.openers[0]?.id ?? '')?.[1] ?? layer.format;
}
