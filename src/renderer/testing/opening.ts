import type { ImageInfo, OpenerRow, OpeningEvent, OpeningStep } from '../../shared/contract/rows.ts';
import { ext4, IMAGES } from './images.ts';

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

const step = (id: number, layer: string, text: string, started: number, more: Partial<OpeningStep> = {}): OpeningEvent => ({ event: 'step', step: { id, layer, text, evidence: [], started, state: 'done', ended: started + 2, ...more } });

/** What an opening tells: of the slow image as it goes, of others how it went. */
export async function* fakeOpening(name: string): AsyncGenerator<OpeningEvent> {
  if (!name.includes('slow') || name.includes('xfs')) {
    const layers = (IMAGES[name] ?? IMAGES['root.ext4']!).layers.filter((layer) => layer.kind !== 'volume');
    for (const [id, layer] of layers.entries()) yield step(id, layer.path, `${layer.title}: ${layer.error?.message ?? layer.filesystem?.state.replaceAll('-', ' ') ?? 'opened'}`, id * 3, { evidence: layer.evidence, state: layer.error === undefined ? 'done' : 'failed' });
    for (const note of layers.flatMap((layer) => layer.notes)) yield { event: 'note', note };
    yield { event: 'end', state: 'done', passed: layers.length * 3 };
    return;
  }
  const total = 812 * 2 ** 20;
  const unpacking = (done: number): OpeningEvent => step(0, '0', 'gzip: unpacking', 0, { evidence: ['magic 1F 8B with method deflate and no reserved flags'], state: 'running', ended: undefined as never, done, total });
  for (let part = 0; part <= 4; part++) {
    yield unpacking((total * part) / 8);
    await sleep(60);
  }
  yield step(0, '0', 'gzip: 34,359,738,368 bytes are in it', 0, { evidence: ['magic 1F 8B with method deflate and no reserved flags'], ended: 6240 });
  yield step(1, '0/0', 'GPT: 5 partitions', 6240, { evidence: ['“EFI PART” at 0x200', 'both header checksums match'] });
  yield step(2, '0/0/1/0', 'FAT, which has no engine here yet', 6242, { evidence: ['“FAT32” at 0x52'] });
  yield step(3, '0/0/2/0', 'ext4: opening', 6244, { evidence: ['magic 0xEF53 at 0x438'], state: 'running', ended: undefined as never });
  yield { event: 'note', note: { severity: 'warning', message: 'The journal holds 12 transactions that were not written back', place: { structure: 'journal, inode 8', at: 34_603_008 } } };
  yield step(4, '0/0/2/0', 'ext4: the journal needs recovery, replaying it in memory', 6245, { state: 'running', ended: undefined as never, done: 300 * 2 ** 20, total: 900 * 2 ** 20 });
  await sleep(600_000);
}

/** The formats that the fake has engines for. */
/** @param isBuilt of a guest, by now */
export function fakeOpeners(info: ImageInfo, path: string, isBuilt: (guest: string) => boolean): OpenerRow[] {
  const layer = info.layers.find((each) => each.path === path);
  const formats = [['gzip', 'gzip', 'container'], ['gpt', 'GPT', 'table'], ['mbr', 'MBR', 'table'], ['ext4', 'ext2/3/4', 'filesystem']] as const;
  const guests = (layer?.openers ?? []).filter(({ id }) => id.startsWith('guest:')).map((opener): OpenerRow => ({ ...opener, ...(opener.reason.includes('not built') && isBuilt(opener.id.slice(6)) && layer?.waiting === true ? { access: 'read-write', reason: 'its kernel’s own driver', seconds: 3 } : {}), format: opener.id, kind: 'filesystem', current: layer?.guest?.name === opener.id.slice(6), confidence: 90, evidence: layer?.evidence ?? [] }));
  return [...guests, ...formats.map(([format, name, kind]): OpenerRow => {
    const match = layer?.alternatives.find((each) => each.format === format);
    const current = layer?.format === format && layer.error === undefined;
    const refused = layer?.format === format && layer.error !== undefined;
    return {
      id: `native:${format}`, format, name, kind, current, confidence: match?.confidence ?? 0, evidence: match?.evidence ?? [],
      access: current ? 'read-only' : refused ? 'refused' : 'untried',
      reason: current ? 'writing comes later' : refused ? layer.error!.message : match?.evidence.join('; ') ?? 'none of its signs is there',
    };
  })].toSorted((a, b) => Number(b.current) - Number(a.current) || b.confidence - a.confidence);
}

/** The image with its locked layer open. */
export function unlocked(info: ImageInfo, path: string): ImageInfo {
  const layers = info.layers.flatMap((layer) => {
    if (layer.path !== path) return [layer];
    const { error: _, ...rest } = layer;
    return [{ ...rest, openers: [{ id: 'native:vault', name: 'Clutch’s own Vault', access: 'read-only', reason: 'unlocked for reading' } as const] }, ext4(`${path}/0`, { label: 'secrets', size: layer.size })];
  });
  return { ...info, layers, summary: info.summary.replace('(locked)', '› ext4 (clean)') };
}
