import { expect, test } from 'vitest';
import { ext4, IMAGES } from '../testing/images.ts';
import { type PlaceNode, placesOf } from './places.ts';

const ids = (nodes: readonly PlaceNode[]): unknown[] => nodes.map(({ id, children }) => (children.length === 0 ? id : [id, ids(children)]));
const row = (id: string, parent?: string) => ({ id, path: id, display: id, readOnly: false, snapshot: false, root: 300 + Number(id), ...(parent === undefined ? {} : { parent }) });

test('volumes stand with what is in them, below their tables', () => {
  const all = JSON.stringify(ids(placesOf(IMAGES['disk.img.gz']!)));
  expect(all).toContain('"0/0/2"');
  expect(all).not.toContain('"0/0/2/0"');
});

test('subvolumes stand below their filesystem as they are nested, whatever the image says of their parents', () => {
  const layer = ext4('0');
  const info = { ...IMAGES['root.ext4']!, layers: [{ ...layer, filesystem: { ...layer.filesystem!, subvolumes: [row('1'), row('2', '1'), row('3', '99'), row('4', '4'), row('5', '6'), row('6', '5')] } }] };
  expect(ids(placesOf(info))).toEqual([['0', [['0@1', ['0@2']], '0@3', '0@4']]]);
});
