import type { SpaceNode, SpaceSnapshot } from '../../shared/contract/rows.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import { childrenOf, type FakeNode } from './tree.ts';

/** Children that are looked at: a hundred thousand files are no map. */
const LOOKED_AT = 200;
const SHOWN = 40;

/** A fake's sizes are so unlike that only the largest would be seen: their roots stand for them. */
function sized(node: FakeNode, found: { path: string; message: string }[], path: string): SpaceNode {
  const { row } = node;
  const at = row.name === '' ? path : `${path}/${row.display}`;
  const wrong = row.error?.message ?? (row.flags.includes('broken') ? 'an entry reaches past the end of the block' : undefined);
  if (wrong !== undefined) found.push({ path: at, message: wrong });
  const all = childrenOf(node).slice(0, LOOKED_AT).map((child) => sized(child, found, at)).toSorted((a, b) => b.size - a.size);
  const children = all.filter((child) => child.size > 0).slice(0, SHOWN);
  const size = row.type === 'dir' ? all.reduce((sum, child) => sum + child.size, 0) : row.type === 'file' ? Math.ceil(Math.sqrt(row.size)) * 4096 : 0;
  return {
    node: row.node, name: row.name, display: row.display, type: row.type, size, files: row.type === 'dir' ? all.reduce((sum, child) => sum + child.files, 0) : 1,
    ...(wrong === undefined ? {} : { unreadable: true }),
    ...(row.type === 'dir' ? { children, smaller: { count: all.length - children.length, size: size - children.reduce((sum, child) => sum + child.size, 0) } } : {}),
  };
}

/** What takes the space: half of it at first, then all. `hold` in the window's `fake` keeps it from its end. */
export async function* fakeSpace(node: FakeNode, cancel: Cancel): AsyncGenerator<SpaceSnapshot> {
  const problems: { path: string; message: string }[] = [];
  const tree = sized(node, problems, '');
  const { children = [] } = tree;
  const half = children.slice(0, Math.ceil(children.length / 2));
  yield { tree: { ...tree, size: half.reduce((sum, child) => sum + child.size, 0), children: half }, directories: 3, unreadable: 0, problems: [], done: false };
  await new Promise((turn) => { setTimeout(turn, 150); });
  while (!cancel.aborted && (globalThis as unknown as { fake: { hold?: boolean } }).fake.hold === true) await new Promise((turn) => { setTimeout(turn, 20); });
  if (!cancel.aborted) yield { tree, directories: 12, unreadable: problems.length, problems, done: true };
}
