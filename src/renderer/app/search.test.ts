import { afterEach, describe, expect, test } from 'vitest';
import { cancelled, corrupt } from '../../engines/core/errors.ts';
import type { EntryRow, SearchEvent, SearchHit } from '../../shared/contract/rows.ts';
import { dropSearch, newSearchId, openSearch, type Search, searchOf, stopSearch, useSearches } from './search.ts';
import type { HostClient } from './services.ts';
import type { SearchPlace } from './state.ts';

const progress = { searched: 9, directories: 2, found: 0, damaged: 0, hidden: 1 };
const hits = (count: number): SearchHit[] => Array.from({ length: count }, (_, i) => ({ row: { node: i, name: `${i}`, display: `${i}` } as EntryRow, folder: 0 }));
const place = (query: string): SearchPlace => ({ kind: 'search', layer: '0', query, search: newSearchId(), start: { kind: 'folder', layer: '0', crumbs: [{ node: 2, name: '', display: '' }] } });

/** A host whose searches are told what to say. */
function hostOf(events: (signal: AbortSignal) => AsyncIterable<SearchEvent>): HostClient {
  return { stream: (_name: string, _params: object, signal: AbortSignal) => events(signal), onClose() {} } as unknown as HostClient;
}

const ended = (id: number): Promise<Search> => new Promise((done) => {
  const look = (): void => {
    const search = searchOf(id);
    if (search === undefined || search.state === 'running') setTimeout(look, 5);
    else done(search);
  };
  look();
});

describe('a search of the window', () => {
  afterEach(() => {
    for (const { id } of useSearches.getState().list) dropSearch(id);
  });

  test('gathers what the host finds, is told of while it grows, and is there for who comes back', async () => {
    const told: number[] = [];
    const where = place('x');
    let begun = 0;
    const host = hostOf(async function* events() {
      begun++;
      yield { event: 'hits', folders: [], hits: hits(2) };
      yield { event: 'hits', folders: [], hits: hits(3) };
      yield { event: 'end', progress: { ...progress, found: 5 }, capped: true, notes: [{ severity: 'error', message: 'torn' }] };
    });
    openSearch(where, false, host, ({ rows }) => told.push(rows.count));
    const search = await ended(where.search);
    expect(search).toMatchObject({ state: 'done', capped: true, notes: [{ message: 'torn' }], progress: { found: 5 } });
    expect([search.rows.count, told]).toEqual([5, [2, 5]]);
    expect(openSearch(where, false, host, () => {})).toBe(search);
    // Other names are looked at now.
    expect(openSearch(where, true, host, () => {})).not.toBe(search);
    expect(begun).toBe(2);
  });

  test('keeps what it found when it is stopped or fails', async () => {
    const endless = hostOf(async function* events(signal) {
      yield { event: 'hits', folders: [], hits: hits(1) };
      yield { event: 'progress', progress: { ...progress, now: 'usr' } };
      while (!signal.aborted) await new Promise((resolve) => { setTimeout(resolve, 5); });
      throw cancelled();
    });
    const where = place('x');
    openSearch(where, false, endless, () => {});
    setTimeout(() => stopSearch(where.search), 20);
    const stopped = await ended(where.search);
    expect(stopped).toMatchObject({ state: 'stopped', progress: { found: 1, searched: 9 } });
    expect(stopped.progress).not.toHaveProperty('now');
    const torn = place('x');
    // oxlint-disable-next-line require-yield
    openSearch(torn, false, hostOf(async function* events() { throw corrupt('inode 2', 'is torn', 77); }), () => {});
    expect(await ended(torn.search)).toMatchObject({ state: 'failed', error: { fault: { kind: 'corrupt' } } });
  });

  test('makes room: the oldest ones go, by number and by what they hold', async () => {
    const host = (count: number): HostClient => hostOf(async function* events() {
      yield { event: 'hits', folders: [], hits: hits(count) };
      yield { event: 'end', progress, capped: false, notes: [] };
    });
    const few = Array.from({ length: 8 }, () => place('x'));
    for (const each of few) openSearch(each, false, host(1), () => {});
    expect(few.map(({ search }) => searchOf(search) !== undefined)).toEqual([false, false, true, true, true, true, true, true]);
    const many = [place('x'), place('y'), place('z')];
    for (const each of many) {
      openSearch(each, false, host(150_000), () => {});
      await ended(each.search);
    }
    expect(many.map(({ search }) => searchOf(search) !== undefined)).toEqual([false, true, true]);
  });
});
