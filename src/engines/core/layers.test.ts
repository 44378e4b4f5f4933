import { describe, expect, it } from 'vitest';
import { testContext } from '../testing/context.ts';
import type { BlockDevice } from './bytes/device.ts';
import { MemoryDevice } from './bytes/memory.ts';
import { SliceDevice } from './bytes/slice.ts';
import { corrupt, ioError } from './errors.ts';
import type { FileSystem } from './filesystem.ts';
import { probe } from './candidates.ts';
import { closeLayers, type Layer, layersOf } from './layer.ts';
import { openLayers, reopenLayer } from './layers.ts';
import type { ContainerFormat, FilesystemFormat, Format, RegistryEntry, TableFormat, Volume } from './probe.ts';

/** A format that matches when the first byte is `mark`. */
function entry(format: Format, mark: number, deep = false): RegistryEntry {
  return { id: format.id, kind: format.kind, name: format.name, magics: [{ at: 0, bytes: [mark] }], deep, load: async () => format };
}

const match = (confidence: number) => () => ({ confidence, evidence: [`sure to ${confidence}`] });

function filesystem(id: string, confidence = 90, closed: string[] = []): FilesystemFormat {
  const info = { format: id, label: `label of ${id}`, uuid: 'uuid', size: 1, free: 0, blockSize: 1, state: 'clean', features: [], details: [['a', 'b']], access: { write: false, reason: 'it is a test' } } as const;
  return { id, kind: 'filesystem', name: id.toUpperCase(), probe: match(confidence), open: async () => ({ info, root: 1, close: () => { closed.push(id); } }) as unknown as FileSystem };
}

function volume(more: Partial<Volume>): Volume {
  return { number: undefined, kind: 'partition', offset: 0, size: 0, type: 'Linux', typeId: '', label: '', uuid: '', flags: [], ...more };
}

function table(volumes: (device: BlockDevice) => Volume[], id = 'table'): TableFormat {
  return { id, kind: 'table', name: 'Table', probe: match(90), open: async (device) => ({ label: 'disk', uuid: 'disk-uuid', sectorSize: 512, details: [], volumes: volumes(device) }) };
}

const container = (open: ContainerFormat['open']): ContainerFormat => ({ id: 'box', kind: 'container', name: 'Box', probe: match(90), open });

const shape = (layer: Layer): string[] => [...layersOf(layer)].map((each) => `${each.path} ${each.kind} ${each.format}`);

function image(mark: number, size = 1000): MemoryDevice {
  const bytes = new Uint8Array(size);
  bytes[0] = mark;
  return new MemoryDevice(bytes);
}

describe('probe', () => {
  it('returns all matches with their evidence, the surest first, and loads only what has its magic', async () => {
    let loaded = 0;
    const other: RegistryEntry = { ...entry(filesystem('other'), 2), load: async () => { loaded++; return filesystem('other'); } };
    const found = await probe(image(1), [entry(filesystem('weak', 20), 1), entry(filesystem('strong', 95), 1), other]);
    expect(found.map(({ format, match: { confidence, evidence } }) => [format.id, confidence, evidence])).toEqual([['strong', 95, ['sure to 95']], ['weak', 20, ['sure to 20']]]);
    expect(loaded).toBe(0);
  });

  it('asks those that know backups only when nothing else matched', async () => {
    const depths: boolean[] = [];
    const searching = { ...filesystem('searching'), probe: (_: BlockDevice, deep: boolean) => { depths.push(deep); return deep ? { confidence: 60, evidence: ['backup'] } : undefined; } };
    expect(await probe(image(1), [entry(searching, 9, true), entry(filesystem('first'), 1)])).toHaveLength(1);
    expect(depths).toEqual([]);
    expect((await probe(image(1), [entry(searching, 9, true)])).map((each) => each.format.id)).toEqual(['searching']);
    expect(depths).toEqual([true]);
  });

  it('counts a negative offset from the end, and takes an unreadable sector for no evidence', async () => {
    const atEnd: RegistryEntry = { ...entry(filesystem('footer'), 0), magics: [{ at: -2, bytes: [7, 8] }] };
    const bytes = new Uint8Array(100);
    bytes.set([7, 8], 98);
    expect(await probe(new MemoryDevice(bytes), [atEnd])).toHaveLength(1);
    expect(await probe(new MemoryDevice(new Uint8Array(1)), [atEnd])).toEqual([]);
    const broken: BlockDevice = { size: 100, blockSize: 512, read() { throw ioError('gone'); }, close() {} };
    expect(await probe(broken, [atEnd])).toEqual([]);
  });
});

describe('openLayers', () => {
  it('walks from a container over a table to filesystems, with stable paths', async () => {
    const bytes = new Uint8Array(1000);
    bytes.set([1], 0);
    bytes.set([2], 100);
    bytes.set([3], 300);
    const registry = [
      entry(container(async (device) => ({ device: new SliceDevice(device, 100, 900), details: [['Ratio', '2']] })), 1),
      entry(table(() => [volume({ kind: 'metadata', size: 10 }), volume({ number: 2, offset: 200, size: 100, label: 'root' }), volume({ kind: 'free', offset: 300, size: 50 }), volume({ kind: 'extended', number: 1, offset: 400, size: 100 })]), 2),
      entry(filesystem('ext9'), 3),
    ];
    const layer = await openLayers(new MemoryDevice(bytes), registry, testContext());
    expect(shape(layer)).toEqual([
      '0 container box', '0/0 table table', '0/0/1000 volume metadata', '0/0/2 volume partition', '0/0/2/0 filesystem ext9', '0/0/1001 volume free', '0/0/1 volume extended',
    ]);
    const [box, disk, , part, tree] = [...layersOf(layer)];
    expect(box).toMatchObject({ details: [['Ratio', '2']], openers: [{ id: 'native:box', access: 'read-only' }] });
    expect(disk).toMatchObject({ label: 'disk', uuid: 'disk-uuid', details: [['Sector size', '512']] });
    expect(part).toMatchObject({ label: 'root', offset: 200, size: 100, title: 'Linux' });
    expect(tree).toMatchObject({ label: 'label of ext9', title: 'EXT9', openers: [{ id: 'native:ext9', access: 'read-only', reason: 'it is a test' }], alternatives: [{ format: 'ext9', confidence: 90 }] });
  });

  it('gives every volume a path of its own, however many there are', async () => {
    const many = table(() => [volume({ kind: 'free', size: 1 }), volume({ number: 1000 }), volume({ number: 1001 }), volume({ number: 1001 })]);
    const layer = await openLayers(image(1), [entry(many, 1)], testContext());
    expect(new Set([...layersOf(layer)].map((each) => each.path)).size).toBe(5);
    expect(layer.children.find((child) => child.volume?.number === 1000)!.path).toBe('0/1000');
  });

  it('stops at a table that contains itself', async () => {
    const itself = table((device) => [volume({ number: 1, size: device.size })]);
    const layer = await openLayers(image(1), [entry(itself, 1)], testContext());
    const all = [...layersOf(layer)];
    expect(all.length).toBeLessThan(20);
    expect(all.at(-1)).toMatchObject({ kind: 'table', error: { fault: { kind: 'unsupported', feature: 'nesting' } }, openers: [{ access: 'refused' }] });
  });

  it('stops at a table that multiplies', async () => {
    const many = table((device) => Array.from({ length: 50 }, (_, i) => volume({ number: i + 1, size: device.size })));
    const context = testContext();
    const layer = await openLayers(image(1), [entry(many, 1)], context);
    expect([...layersOf(layer)].length).toBeLessThan(5000);
    expect(context.notes[0]!.message).toContain('more than 4096 layers');
  });

  it('shows what is there of volumes that reach past the end, or lie beyond it', async () => {
    const beyond = table(() => [volume({ number: 1, offset: 900, size: 300 }), volume({ number: 2, offset: 2 ** 50, size: 2 ** 50 })]);
    const layer = await openLayers(image(1), [entry(beyond, 1)], testContext());
    expect(layer.children.map((child) => [child.offset, child.size, child.device.size, child.notes.length])).toEqual([[900, 300, 100, 1], [2 ** 50, 2 ** 50, 0, 1]]);
    expect(layer.children[0]!.notes[0]!.message).toBe('The volume reaches 200 bytes past the end of the image');
  });

  it('takes the format that was chosen, and says when the bytes are not of it', async () => {
    const registry = [entry(filesystem('weak', 20), 1), entry(filesystem('strong', 95), 1)];
    expect((await openLayers(image(1), registry, testContext(), new Map([['0', 'weak']]))).format).toBe('weak');
    expect(await openLayers(image(1), registry, testContext(), new Map([['0', 'other']]))).toMatchObject({ kind: 'unknown', error: { fault: { kind: 'unsupported', feature: 'other' } }, alternatives: [{ format: 'strong' }, { format: 'weak' }] });
  });

  it('lets the engine of a format that was asked for say what is wrong', async () => {
    const picky: FilesystemFormat = { ...filesystem('picky'), open: async () => { throw corrupt('superblock', 'it is not there', 1024); } };
    const layer = await openLayers(image(5), [entry(picky, 1)], testContext(), new Map([['0', 'picky']]));
    expect(layer).toMatchObject({ kind: 'filesystem', format: 'picky', error: { fault: { kind: 'unsupported', feature: 'picky' }, message: expect.stringContaining('superblock at byte 1024: it is not there') }, openers: [{ id: 'native:picky', access: 'refused' }] });
  });

  it('tells each layer as a step, and passes an opener\'s own steps, progress and questions on under the layer\'s path', async () => {
    const told: string[] = [];
    const asked: unknown[] = [];
    const context = testContext();
    const box = container(async (device, { job, step }) => {
      job.report({ done: 1, total: 2, unit: 'bytes', now: 'Unpacking' });
      const own = step?.({ text: 'looking for the key' });
      own?.end('done', 'the key is there');
      await job.ask({ kind: 'password', what: 'box', attempt: 1 });
      return { device: new SliceDevice(device, 100, 900), details: [] };
    });
    let last = 0;
    await openLayers(image(1), [entry(box, 1)], {
      ...context,
      job: { ...context.job, ask: async (question) => { asked.push(question); return { password: 'x' } as never; } },
      step: ({ layer, text }) => {
        const id = last++;
        const tell = (what: string): void => { told.push(`${id} ${layer} ${what}`); };
        tell(text);
        return { say: (now) => tell(now), progress: (done, total) => tell(`${done} of ${total}`), end: (state, now) => tell(`${state} ${now}`) };
      },
    });
    expect(told).toEqual([
      '0 0 Looking at the bytes', '0 0 Box: opening', '0 0 Box: unpacking', '0 0 1 of 2', '1 0 Box: looking for the key', '1 0 done the key is there', '0 0 done Box: 900 bytes are in it',
      '2 0/0 Looking at the bytes', '2 0/0 Empty', '2 0/0 done the first 900 bytes are zero',
    ]);
    expect(asked).toEqual([{ kind: 'password', what: 'box', attempt: 1, layer: '0' }]);
  });

  it('keeps the error of what cannot be opened beside its layer, and goes on', async () => {
    const damaged: FilesystemFormat = { ...filesystem('damaged'), open: async () => { throw corrupt('superblock', 'the checksum is wrong', 1024); } };
    const disk = table(() => [volume({ number: 1, offset: 500, size: 10 }), volume({ number: 2, offset: 600, size: 10 })]);
    const bytes = new Uint8Array(1000);
    bytes.set([1], 0);
    bytes.set([2], 500);
    bytes.set([3], 600);
    const layer = await openLayers(new MemoryDevice(bytes), [entry(disk, 1), entry(damaged, 2), entry(filesystem('sound'), 3)], testContext());
    expect(layer.children.map((child) => [child.children[0]!.format, child.children[0]!.error?.kind])).toEqual([['damaged', 'corrupt'], ['sound', undefined]]);
  });

  it('passes notes to the layer and to the caller, and at most a thousand to the layer', async () => {
    const noisy: FilesystemFormat = { ...filesystem('noisy'), open: async (_, context) => { for (let i = 0; i < 1500; i++) context.note({ severity: 'note', message: `${i}` }); return filesystem('x').open(image(1), context); } };
    const context = testContext();
    const layer = await openLayers(image(1), [entry(noisy, 1)], context);
    expect([layer.notes.length, context.notes.length]).toEqual([1000, 1500]);
  });

  it('is stopped as a whole by a cancel', async () => {
    const context = testContext();
    context.signal.aborted = true;
    const slow: FilesystemFormat = { ...filesystem('slow'), open: async (_, { job }) => { await job.breathe(); throw new Error('not reached'); } };
    await expect(openLayers(image(1), [entry(slow, 1)], context)).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
  });

  it('tells empty from unknown, and names what cannot be read', async () => {
    expect(await openLayers(image(0), [], testContext())).toMatchObject({ kind: 'unknown', format: 'empty' });
    expect(await openLayers(image(5), [], testContext())).toMatchObject({ kind: 'unknown', format: 'unknown' });
    const broken: BlockDevice = { size: 100, blockSize: 512, read() { throw ioError('gone'); }, close() {} };
    expect(await openLayers(broken, [], testContext())).toMatchObject({ kind: 'unknown', title: 'Unreadable' });
  });
});

describe('reopenLayer', () => {
  it('opens one branch anew and leaves the rest as it is', async () => {
    const closed: string[] = [];
    const bytes = new Uint8Array(1000);
    bytes.set([2], 0);
    bytes.set([3], 500);
    bytes.set([4], 600);
    const disk = table(() => [volume({ number: 1, offset: 500, size: 10 }), volume({ number: 2, offset: 600, size: 10 })]);
    const registry = [entry(disk, 2), entry(filesystem('first', 90, closed), 3), entry(filesystem('other', 10, closed), 3), entry(filesystem('beside', 90, closed), 4)];
    const root = await openLayers(new MemoryDevice(bytes), registry, testContext());
    const opened = await reopenLayer(root, '0/1/0', registry, testContext(), new Map([['0/1/0', 'other']]));
    expect(shape(opened.root)).toEqual(['0 table table', '0/1 volume partition', '0/1/0 filesystem other', '0/2 volume partition', '0/2/0 filesystem beside']);
    expect(opened.root.children[1]).toBe(root.children[1]);
    await closeLayers(opened.before);
    expect(closed).toEqual(['first']);
    await expect(reopenLayer(root, '0/9', registry, testContext())).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    await expect(reopenLayer(root, '0/1', registry, testContext())).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
  });
});

describe('closeLayers', () => {
  it('closes trees and unpacked devices, innermost first, and leaves the image open', async () => {
    const closed: string[] = [];
    const inner = Object.assign(image(3), { close: () => { closed.push('unpacked'); } });
    const outer = Object.assign(image(1), { close: () => { closed.push('image'); } });
    const layer = await openLayers(outer, [entry(container(async () => ({ device: inner, details: [] })), 1), entry(filesystem('ext9', 90, closed), 3)], testContext());
    await closeLayers(layer);
    expect(closed).toEqual(['ext9', 'unpacked']);
  });
});
