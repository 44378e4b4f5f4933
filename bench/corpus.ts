import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The images that are measured, and the trees that they were made from. */
export interface Corpus {
  readonly folder: string;
  /** Image by name; those that could not be made are absent. */
  readonly images: ReadonlyMap<string, string>;
  /** Source tree by the image's name, for comparing what was extracted. */
  readonly trees: ReadonlyMap<string, string>;
  /** What is missing, and why. */
  readonly missing: readonly string[];
}

const UUID = '8f3c0a52-1111-4222-8333-0123456789ab';
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, E2FSPROGS_FAKE_TIME: '1700000000', SOURCE_DATE_EPOCH: '1700000000' };

/** Makes what is missing of the corpus. `CLUTCH_CORPUS` names a folder with `src` and `img` that is there already. */
export function prepareCorpus(root: string): Corpus {
  const folder = resolve(process.env['CLUTCH_CORPUS'] ?? join(root, '.cache/corpus'));
  const generator = join(root, '../shared/corpus/make-tree.py');
  mkdirSync(join(folder, 'src'), { recursive: true });
  mkdirSync(join(folder, 'img'), { recursive: true });
  const images = new Map<string, string>();
  const trees = new Map<string, string>();
  const missing: string[] = [];
  for (const [name, size] of [['many', '1024M'], ['big', '2400M']] as const) {
    const tree = join(folder, 'src', name);
    const image = join(folder, 'img', `${name}.ext4`);
    if (!existsSync(tree) && existsSync(generator)) run('python3', generator, name, tree);
    if (!existsSync(image) && existsSync(tree)) make(image, size, ['-d', tree]);
    if (existsSync(image)) images.set(name, image);
    else missing.push(`${name}.ext4: no ${generator} to make its tree with`);
    if (existsSync(tree)) trees.set(name, tree);
  }
  const million = join(folder, 'img', 'million.ext4');
  if (!existsSync(million)) makeMillion(root, million);
  images.set('million', million);
  return { folder, images, trees, missing };
}

/** 1,000 folders of 1,000 files: written by the kernel where we may mount (indexed folders), else by mke2fs from a tree. */
function makeMillion(root: string, image: string): void {
  const script = join(root, 'bench/million.py');
  const options = ['-N', '1100000', '-I', '256'];
  const scratch = mkdtempSync(join(image, '../making-'));
  try {
    if (process.getuid?.() === 0) {
      make(`${image}.new`, '1536M', options);
      run('unshare', '--mount', '--propagation', 'private', 'sh', '-ec', `mount -o loop "$1" "$2"; python3 "$3" "$2"; umount "$2"`, 'sh', `${image}.new`, scratch, script);
    } else {
      run('python3', script, scratch);
      make(`${image}.new`, '1536M', [...options, '-d', scratch]);
    }
    renameSync(`${image}.new`, image);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function make(image: string, size: string, options: readonly string[]): void {
  writeFileSync(image, '');
  truncateSync(image, Number.parseInt(size, 10) * 1024 * 1024);
  run('mke2fs', '-q', '-F', '-t', 'ext4', '-U', UUID, '-E', `hash_seed=${UUID},root_owner=0:0,lazy_itable_init=0`, ...options, image);
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { env: ENV, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** One line of ../shared/corpus/compare-trees.py: IDENTICAL, or what was lost. */
export function compareTrees(root: string, source: string, extracted: string): string {
  const script = join(root, '../shared/corpus/compare-trees.py');
  if (!existsSync(script)) return 'not compared';
  const done = spawnSync('python3', [script, source, extracted], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout.trim() : `failed: ${done.stderr.trim().split('\n').at(-1)}`;
}

/** The same of an image: mounted by the kernel, and looked through by e2fsck. */
export function compareImage(root: string, source: string, image: string): string {
  const check = spawnSync('e2fsck', ['-fn', image], { env: ENV, encoding: 'utf8' });
  const verdict = check.status === 0 ? 'e2fsck clean' : `e2fsck: exit ${check.status}`;
  const script = 'mount -o loop,ro "$1" "$2"; python3 "$3" "$4" "$2"; umount "$2"';
  const folder = mkdtempSync(join(image, '../../mount-'));
  const done = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', image, folder, join(root, '../shared/corpus/compare-trees.py'), source], { encoding: 'utf8' });
  rmdirSync(folder);
  return `${verdict}, ${done.status === 0 ? done.stdout.trim() : `not compared: ${done.stderr.trim().split('\n').at(-1)}`}`;
}
