import type { HostContract } from '../src/shared/contract/calls.ts';
import { createClient } from '../src/shared/rpc/client.ts';
import { memoryPair } from '../src/shared/rpc/transports/memory.ts';
import type { Client } from '../src/shared/rpc/types.ts';
import { ImageHost } from '../src/host/service/service.ts';
import { mounted } from './contenders.ts';
import { median, runOnce, warm } from './measure.ts';

/** What is looked for among a million names: many, a few, none. */
const QUERIES = ['file-0005', '99999', 'no such name'];

/** Milliseconds after which a search is cancelled. */
const CANCEL_AFTER = 150;

/** One search. Milliseconds. */
interface Search {
  readonly first: number | undefined;
  readonly whole: number;
  readonly hits: number;
}

/**
 * Searches an image through the host's own contract, as a window does: how soon the first hit is there, how long the whole takes, and how
 * soon the host is free again after a cancel. Beside it find(1) over the kernel's mount, whose time has the mounting in it.
 * @returns lines of a table
 */
export async function benchSearch(image: string, rounds: number, scratch: string, withKernel: boolean): Promise<string[]> {
  warm(image);
  const lines = ['', '| search, 1,000,000 files | program | first hit, ms | whole, ms | hits | free after cancel, ms |', '| --- | --- | ---: | ---: | ---: | ---: |'];
  const host = new ImageHost(image);
  const [near, far] = memoryPair();
  host.connect(far);
  const client = createClient<HostContract>(near);
  try {
    for (const query of QUERIES) {
      const runs: Search[] = [];
      const cancels: number[] = [];
      for (let round = 0; round < rounds; round++) {
        runs.push(await searchOnce(client, query));
        cancels.push(await cancelOnce(client, query));
      }
      lines.push(row(query, 'clutch', runs.map(({ first }) => first), runs.map(({ whole }) => whole), runs[0]!.hits, cancels));
      if (!withKernel) continue;
      const find = (more: string): number[] => Array.from({ length: rounds }, () => runOnce(mounted(image, `find "$1" -iname '*${query}*' ${more}`, scratch), scratch).seconds * 1000);
      lines.push(row(query, 'find over the kernel’s mount', runs[0]!.hits === 0 ? [undefined] : find('-print -quit'), find(''), undefined, []));
    }
  } finally {
    client.close();
    await host.close();
  }
  return lines;
}

async function startOf(client: Client<HostContract>): Promise<{ layer: string; node: number }> {
  const { layers } = await client.call('image.info', {});
  const found = layers.find(({ filesystem }) => filesystem !== undefined)!;
  return { layer: found.path, node: found.filesystem!.root };
}

async function searchOnce(client: Client<HostContract>, query: string): Promise<Search> {
  const start = await startOf(client);
  const started = performance.now();
  let first: number | undefined;
  let hits = 0;
  for await (const event of client.stream('search.start', { ...start, query, hidden: true })) {
    if (event.event !== 'hits') continue;
    first ??= performance.now() - started;
    hits += event.hits.length;
  }
  return { first, whole: performance.now() - started, hits };
}

/** Milliseconds from the cancel until the host answers another call. */
async function cancelOnce(client: Client<HostContract>, query: string): Promise<number> {
  const start = await startOf(client);
  const abort = new AbortController();
  let at = 0;
  setTimeout(() => {
    at = performance.now();
    abort.abort();
  }, CANCEL_AFTER);
  try {
    for await (const event of client.stream('search.start', { ...start, query, hidden: true }, abort.signal)) void event;
  } catch {
    // Cancelled, as it was meant to be.
  }
  await client.call('image.info', {});
  return performance.now() - at;
}

function row(query: string, program: string, first: readonly (number | undefined)[], whole: readonly number[], hits: number | undefined, cancels: readonly number[]): string {
  const firsts = first.filter((each) => each !== undefined);
  return `| ${[query, program, inMs(firsts), inMs(whole), hits ?? '', cancels.length === 0 ? '' : median(cancels).toFixed(1)].join(' | ')} |`;
}

function inMs(values: readonly number[]): string {
  return values.length === 0 ? '' : median(values).toFixed(0);
}
