import type { LayerRow } from '../../../shared/contract/rows.ts';
import { texts } from '../../texts/index.ts';

/** What a volume is called: by its own label, else by that of what is in it, else by its number. */
export function volumeName(volume: LayerRow, content: LayerRow | undefined): string {
  if (volume.volume?.kind === 'free') return texts.table.free;
  if (volume.volume?.kind === 'metadata') return texts.table.metadata;
  return volume.label || content?.label || (volume.volume?.kind === 'extended' || volume.volume?.number === undefined ? volume.title : texts.table.volume(volume.volume.number));
}
