import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { contenders, type Task, WRITTEN } from './contenders.ts';
import { compareImage, compareTrees, prepareCorpus } from './corpus.ts';
import { benchGuests } from './guests.ts';
import { benchMounts } from './mounts.ts';
import { benchSearch } from './search.ts';
import { measure, median, type Result } from './measure.ts';

/** What is measured on which image, and against whom the ratio is taken: 7z where nobody else is named. */
const CASES: readonly { readonly name: string; readonly task: Task; readonly image: string; readonly unit?: string }[] = [
  { name: 'first listing, many.ext4', task: 'first', image: 'many' },
  { name: 'list, many.ext4', task: 'list', image: 'many' },
  { name: 'list, big.ext4', task: 'list', image: 'big' },
  { name: 'list, 1,000,000 files', task: 'list', image: 'million' },
  { name: 'extract, many.ext4', task: 'extract', image: 'many' },
  { name: 'extract, big.ext4', task: 'extract', image: 'big' },
  { name: 'check, many.ext4', task: 'check', image: 'many', unit: 'e2fsck' },
  { name: 'check, big.ext4', task: 'check', image: 'big', unit: 'e2fsck' },
  { name: 'check, 1,000,000 files', task: 'check', image: 'million', unit: 'e2fsck' },
  { name: 'write, the tree of many.ext4', task: 'write', image: 'many', unit: 'mke2fs -d' },
];

export interface Options {
  readonly root: string;
  /** Runs of each; the median is shown. */
  readonly rounds: number;
  /** Cases whose names hold one of these words; all when empty. */
  readonly only: readonly string[];
  /** Names of contenders; all when empty. */
  readonly against: readonly string[];
  /** The folder that is extracted to; the corpus's own when undefined. */
  readonly scratch: string | undefined;
  /** Add the table to bench/results.md. */
  readonly keep: boolean;
}

/** Measures and prints a table, and one of the search. */
export async function bench(options: Options): Promise<void> {
  const { root, rounds } = options;
  // Guests have an image of their own: the large ones need not be made for them.
  if (options.only.length > 0 && options.only.every((word) => word === GUESTS)) {
    await printGuests(options, []);
    return;
  }
  const corpus = prepareCorpus(root);
  const all = contenders(root).filter((each) => options.against.length === 0 || options.against.includes(each.name));
  const lines = [
    `## ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`, '',
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, Node ${process.version}. Medians of ${rounds}, contenders in turns, images in the page cache, extracting to ${filesystemOf(options.scratch ?? corpus.folder)}.`, '',
    '| case | program | seconds | of 7z (e2fsck, mke2fs -d) | least to most | peak MiB | against the source tree |', '| --- | --- | ---: | ---: | ---: | ---: | --- |',
  ];
  for (const line of lines) console.log(line);
  for (const { name, task, image, unit: unitName = '7z' } of CASES) {
    const path = (task === 'write' ? corpus.trees : corpus.images).get(image);
    if (path === undefined || options.only.length > 0 && !options.only.some((word) => name.includes(word))) continue;
    const tree = corpus.trees.get(image);
    const results = measure(task, path, all, rounds, options.scratch ?? corpus.folder, (target) => (tree === undefined ? 'no source tree' : task === 'write' ? compareImage(root, tree, join(target, WRITTEN)) : compareTrees(root, tree, target)));
    const unit = results.find((result) => result.contender.name === unitName);
    for (const result of results) {
      const row = rowOf(name, result, unit);
      console.log(row);
      lines.push(row);
    }
  }
  const million = corpus.images.get('million');
  if (million !== undefined && (options.only.length === 0 || options.only.some((word) => 'search, 1,000,000 files'.includes(word)))) {
    const found = await benchSearch(million, rounds, options.scratch ?? corpus.folder, all.some((each) => each.name === 'kernel' && each.absent === ''));
    for (const line of found) console.log(line);
    lines.push(...found);
  }
  const rows = options.only.filter((word) => word.startsWith(MOUNTED)).map((word) => word.slice(MOUNTED.length).trim());
  if (options.only.length === 0 || rows.length > 0) {
    const found = await benchMounts(root, corpus, rounds, rows.filter((word) => word !== ''), options.against);
    for (const line of found) console.log(line);
    lines.push(...found);
  }
  if (options.only.length === 0 || options.only.includes(GUESTS)) await printGuests({ ...options, keep: false }, lines);
  const left = [...all.filter((each) => each.absent !== '').map((each) => `${each.name}: ${each.absent}`), ...corpus.missing];
  if (left.length > 0) lines.push('', `Left out: ${left.join('; ')}.`);
  if (left.length > 0) console.log(lines.at(-1));
  if (options.keep) appendFileSync(join(root, 'bench/results.md'), `\n${lines.join('\n')}\n`);
}

/** The cases of guests, as --only names them; and those of mounts, alone or before a word of one of them: "mounted", "mounted tar". */
const GUESTS = 'guests';
const MOUNTED = 'mounted';

async function printGuests(options: Options, lines: string[]): Promise<void> {
  const found = await benchGuests(options.rounds);
  for (const line of found) console.log(line);
  lines.push(...found);
  if (options.keep) appendFileSync(join(options.root, 'bench/results.md'), `${found.join('\n')}\n`);
}

function filesystemOf(folder: string): string {
  return spawnSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).stdout?.trim() || 'disk';
}

function rowOf(name: string, { contender, runs, fidelity }: Result, unit: Result | undefined): string {
  const seconds = runs.map((run) => run.seconds);
  const peak = Math.max(...runs.map((run) => run.peakBytes ?? Number.NaN));
  const failure = runs.find((run) => run.failure !== '')?.failure ?? '';
  // Who stopped early has no time to compare; the unit keeps its own (7z counts links that it refuses as errors).
  const ratio = unit === undefined || failure !== '' && contender !== unit.contender ? '' : (median(seconds) / median(unit.runs.map((run) => run.seconds))).toFixed(2);
  const cells = [
    name, contender.name, median(seconds).toFixed(3), ratio, `${Math.min(...seconds).toFixed(3)} to ${Math.max(...seconds).toFixed(3)}`,
    Number.isNaN(peak) ? '?' : (peak / 2 ** 20).toFixed(0), [failure, fidelity].filter((part) => part !== '').join('; '),
  ];
  return `| ${cells.join(' | ')} |`;
}
