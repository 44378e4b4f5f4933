import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import type { Check, ToolCheck } from '../../engines/core/check.ts';
import { type DiskError, unsupported } from '../../engines/core/errors.ts';
import { GUEST } from '../../engines/core/offers.ts';
import type { Layer } from '../../engines/core/layer.ts';
import type { FilesystemFormat, RegistryEntry } from '../../engines/core/probe.ts';
import { isSet, membersFor } from '../../engines/core/sets.ts';

/** Whether a layer's bytes are a filesystem's, sound enough to be opened or not. */
export function isCheckable(layer: Layer): boolean {
  return layer.kind === 'filesystem';
}

/** Why a layer's own bytes are never written past what is in them: those of one disk of an array. */
export function whyFixed({ readOnly, kind, children }: Layer): DiskError | undefined {
  const why = readOnly ?? (kind === 'volume' ? children[0]?.readOnly : undefined);
  return why === undefined ? undefined : unsupported('writing', why);
}

/** Whether a layer is a filesystem that a repair may make writable again. */
export function isDamaged(layer: Layer): boolean {
  if (!isCheckable(layer)) return false;
  const kinds = [layer.error?.kind, layer.notWritable?.kind];
  return kinds.includes('corrupt') || kinds.includes('dirty') || layer.filesystem?.info.state === 'errors' || layer.notes.some(({ severity }) => severity === 'error');
}

/** Whether there is a check for a layer's format, of ours or of its own tool. */
export async function hasCheck(layer: Layer, registry: readonly RegistryEntry[]): Promise<boolean> {
  if (!isCheckable(layer)) return false;
  return (await load(formatOf(layer), layer.own ?? registry))?.check !== undefined || (await toolOf(layer, registry)) !== undefined;
}

/** The check of a layer's format. @throws DiskError unsupported where there is none */
export async function checkOf(layer: Layer, registry: readonly RegistryEntry[]): Promise<Check> {
  const check = await (await load(formatOf(layer), registry))?.check?.();
  if (check === undefined) throw unsupported('check', `There is no check for ${layer.title}`);
  return check;
}

/**
 * The filesystem's own tool, in the guest that opened the layer, or the first that could. Undefined where an engine of ours has it, or there is none.
 * @param guest the opener whose tool is wanted, whoever opened the layer
 */
export async function toolOf(layer: Layer, registry: readonly RegistryEntry[], guest?: string): Promise<ToolCheck | undefined> {
  if (!isCheckable(layer)) return undefined;
  if (guest !== undefined) return (await load(guest, layer.own ?? registry))?.tool?.(/^native:(.+)$/.exec(layer.openers[0]?.id ?? '')?.[1] ?? layer.format);
  for (const { id } of layer.openers) {
    if (!id.startsWith(GUEST)) return undefined;
    const tool = (await load(id, layer.own ?? registry))?.tool?.(layer.format);
    if (tool !== undefined) return tool;
  }
  return undefined;
}

/** What a tool gets of a layer: its device, and those of the further ones that its filesystem lies on. @param root of all layers */
export function devicesOf(root: Layer, layer: Layer): BlockDevice[] {
  // What is in a volume that a guest assembles is checked where all disks of the set are.
  const members = isSet(layer.format) && layer.own === undefined ? membersFor(root, layer) : [];
  return [layer, ...members].map(({ device }) => device);
}

async function load(format: string, registry: readonly RegistryEntry[]): Promise<FilesystemFormat | undefined> {
  const found = await registry.find(({ id, kind }) => kind === 'filesystem' && id === format)?.load();
  return found?.kind === 'filesystem' ? found : undefined;
}

/** The registry's id of a layer's format: `format` itself is the variant, such as "ext2" of "ext4". */
export function formatOf(layer: Layer): string {
  const id = layer.openers[0]?.id ?? '';
  return id.startsWith(GUEST) ? id : (/^native:(.+)$/.exec(id)?.[1] ?? layer.format);
}
