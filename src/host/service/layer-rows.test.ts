import { describe, expect, it } from 'vitest';
import { usage } from '../../engines/core/errors.ts';
import type { Layer } from '../../engines/core/layer.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import type { ImageSession } from '../session.ts';
import { imageInfo } from './layer-rows.ts';

function sessionOf(filesystem: MemoryFileSystem): ImageSession {
  const layer = { path: '0', kind: 'filesystem', format: 'memory', title: 'memory', label: '', uuid: '', offset: 0, size: 1, evidence: [], alternatives: [], openers: [], details: [], notes: [], children: [], filesystem } as unknown as Layer;
  return { name: 'a', path: '/a', size: 1, layers: layer, registry: [], summary: () => 'memory' } as unknown as ImageSession;
}

describe('subvolumes', () => {
  const home = dir({ 'a.txt': file('a') });
  const snapshot = dir({ 'a.txt': file('old') });
  const root = dir([['home', home], ['snap\nshot', snapshot]]);

  it('come with the filesystem, their names escaped, each with the node of its root', async () => {
    const filesystem = new MemoryFileSystem(root, [
      { id: '256', path: 'home', readOnly: false, snapshot: false, root: home },
      { id: '257', path: 'snap\nshot', parent: '256', readOnly: true, snapshot: true, root: snapshot },
    ]);
    const { layers } = await imageInfo(sessionOf(filesystem));
    expect(layers[0]!.filesystem!.subvolumes).toEqual([
      { id: '256', path: 'home', display: 'home', readOnly: false, snapshot: false, root: filesystem.lookup(filesystem.root, 'home') },
      { id: '257', path: 'snap\nshot', display: 'snap\\x0ashot', parent: '256', readOnly: true, snapshot: true, root: filesystem.lookup(filesystem.root, 'snap\nshot') },
    ]);
    expect((await imageInfo(sessionOf(new MemoryFileSystem(root)))).layers[0]!.filesystem!.subvolumes).toBeUndefined();
  });

  it('that are damaged, or too many, are a note', async () => {
    const damaged = new MemoryFileSystem(root, []);
    Object.assign(damaged, { subvolumes: { list: () => { throw usage('EINVAL', 'the root tree is torn'); } } });
    const { layers } = await imageInfo(sessionOf(damaged));
    expect(layers[0]!.notes).toEqual([{ severity: 'warning', message: 'The subvolumes can\'t be listed: the root tree is torn' }]);
    const many = new MemoryFileSystem(root, Array.from({ length: 5000 }, (_, i) => ({ id: `${i}`, path: `s${i}`, readOnly: true, snapshot: true, root: snapshot })));
    const [layer] = (await imageInfo(sessionOf(many))).layers;
    expect(layer!.filesystem!.subvolumes).toHaveLength(4096);
    expect(layer!.notes[0]!.message).toContain('5000 subvolumes');
  });
});
