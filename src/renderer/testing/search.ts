import { matchName } from '../../engines/core/match.ts';
import type { SearchEvent, SearchFolder, SearchHit, SearchProgress } from '../../shared/contract/rows.ts';
import type { FakeNode } from './tree.ts';

/** Hits after which a fake search ends. */
const MOST = 2000;

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

/**
 * A search of the fake tree, near names first. "slow" finds one thing and then goes on until it is stopped; "torn" and "fail" meet
 * damage further in and at once.
 */
export async function* fakeSearch(start: FakeNode, childrenOf: (node: FakeNode) => readonly FakeNode[], { query, hidden }: { query: string; hidden: boolean }, cancel: { readonly aborted: boolean }, failure: (message: string) => Error): AsyncGenerator<SearchEvent> {
  const matches = matchName(query);
  const queue: { node: FakeNode; id: number; path: string }[] = [{ node: start, id: 0, path: '' }];
  const count = { searched: 0, directories: 0, found: 0, damaged: query === 'torn' ? 2 : 0, hidden: 0 };
  const progress = (now?: string): SearchProgress => ({ ...count, ...(now === undefined ? {} : { now }) });
  let lastId = 0;
  if (query === 'fail') throw failure('inode 2 at byte 1449216: the checksum does not match');
  if (query === 'slow') {
    yield { event: 'hits', folders: [], hits: [{ row: childrenOf(start).find((each) => each.row.name === 'start.sh')!.row, folder: 0 }] };
    count.found++;
    for (let i = 1; ; i++) {
      await sleep(50);
      if (cancel.aborted) throw failure('Cancelled');
      count.searched += 12_345;
      count.directories += 17;
      yield { event: 'progress', progress: progress(`usr/share/doc/package-${i}`) };
    }
  }
  for (let at = queue.shift(); at !== undefined && count.found < MOST; at = queue.shift()) {
    const { node, id, path } = at;
    const folders: SearchFolder[] = [];
    let hits: SearchHit[] = [];
    count.directories++;
    if (cancel.aborted) throw failure('Cancelled');
    if (node.row.flags.includes('broken')) {
      count.damaged++;
      continue;
    }
    for (const child of childrenOf(node)) {
      const { row } = child;
      if (!hidden && row.name.startsWith('.')) {
        count.hidden++;
        continue;
      }
      count.searched++;
      if (matches(row.name) && count.found < MOST) {
        count.found++;
        hits.push({ row, folder: id });
      }
      if (row.type === 'dir' && row.error === undefined) {
        folders.push({ id: ++lastId, above: id, node: row.node, name: row.name, display: row.display });
        queue.push({ node: child, id: lastId, path: `${path}${row.display}/` });
      }
      if (hits.length === 200) {
        yield { event: 'hits', folders: folders.splice(0), hits };
        hits = [];
      }
    }
    yield { event: 'hits', folders, hits };
    yield { event: 'progress', progress: progress(path.slice(0, -1)) };
    await sleep(5);
  }
  const capped = count.found >= MOST;
  yield {
    event: 'end', progress: progress(), capped,
    notes: count.damaged > 0 ? [{ severity: 'error', message: 'broken directory: directory block 0 of inode 77 at byte 528384: an entry reaches past the end of the block' }] : [],
  };
}
