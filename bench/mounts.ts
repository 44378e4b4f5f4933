import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Corpus } from './corpus.ts';
import { median } from './measure.ts';

/** Milliseconds that a program has to mount, and to end. An appliance under TCG boots for a minute on a busy machine. */
const PATIENCE = 300_000;

/** Milliseconds that what is measured has: 20,000 files through an appliance take minutes. */
const MOST = 600_000;

const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8', LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };

/** Who mounts. */
interface Mounter {
  readonly name: string;
  /** The program that stays while it is mounted; for the kernel's own mount one that returns. */
  mount(image: string, at: string, write: boolean): readonly string[];
  /** What ends it, beside a signal to the program: Clutch is told as by Ctrl-C. */
  unmount(at: string): readonly string[] | 'SIGINT';
  readonly absent: string;
  /** What it can't do of what is measured, and why. */
  readonly refuses?: Readonly<Record<string, string>>;
  /** It reads as another one does. */
  readonly onlyWrites?: boolean;
}

/** What is measured, on which image: `unit` is told beside the seconds, `amount` in `of`. */
const ROWS: readonly { readonly what: string; readonly title: string; readonly image: 'many' | 'big' | 'empty'; readonly of?: string }[] = [
  { what: 'read', title: 'sequential read, 512 MiB', image: 'big', of: 'MiB/s' },
  { what: 'random', title: '8,000 random reads of 4 KiB', image: 'big', of: '/s' },
  { what: 'stat', title: 'stat of 20,000 files', image: 'many', of: '/s' },
  { what: 'tar', title: 'tar c of many.ext4', image: 'many' },
  { what: 'write', title: 'sequential write, 512 MiB, fsync', image: 'empty', of: 'MiB/s' },
  { what: 'copy', title: 'cp -a of the tree of many in', image: 'empty' },
];

/**
 * Measures mounts in turns: Clutch's beside fuse2fs, guestmount and the kernel's loop mount, each on images of its own when it writes. What is written counts until
 * it was unmounted (with Clutch: applied).
 * @param only words of row titles; all rows when empty
 * @returns lines of a table
 */
export async function benchMounts(root: string, corpus: Corpus, rounds: number, only: readonly string[], against: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(corpus.folder, 'mounts-'));
  const all = mounters(root).filter(({ name }) => against.length === 0 || against.includes(name));
  const able = all.filter(({ absent }) => absent === '');
  const lines = ['', '| mounted | program | seconds | | of fuse2fs | least to most | peak MiB |', '| --- | --- | ---: | ---: | ---: | ---: | ---: |'];
  try {
    for (const { what, title, image, of } of ROWS) {
      const tree = corpus.trees.get('many');
      if (only.length > 0 && !only.some((word) => title.includes(word)) || what === 'copy' && tree === undefined) continue;
      const chosen = able.filter(({ onlyWrites }) => onlyWrites !== true || image === 'empty');
      const runs = new Map(chosen.map((each) => [each, [] as Measured[]]));
      // As the images: whoever comes first would pay for the disk that the tree comes from.
      if (what === 'copy') await run('sh', '-c', 'tar -C "$1" -cf - . | wc -c', 'sh', tree!);
      for (let round = 0; round < rounds; round++) for (const each of chosen) runs.get(each)!.push(await measured(root, each, what, imageFor(image, corpus, folder), join(folder, 'at'), image === 'empty', tree));
      const unit = [...runs].find(([{ name }]) => name === 'fuse2fs')?.[1];
      for (const [{ name }, done] of runs) {
        const failure = done.find((each) => each.failure !== '')?.failure;
        const seconds = done.map((each) => each.seconds);
        const middle = median(seconds);
        lines.push(failure !== undefined ? `| ${title} | ${name} | | ${failure} | | | |` : `| ${title} | ${name} | ${middle.toFixed(3)} | ${of === undefined ? '' : `${Math.round(done[0]!.amount / middle).toLocaleString('en')} ${of}`} | ${
          unit === undefined || unit.some((each) => each.failure !== '') ? '' : (middle / median(unit.map((each) => each.seconds))).toFixed(2)} | ${Math.min(...seconds).toFixed(3)} to ${Math.max(...seconds).toFixed(3)} | ${
          Number.isNaN(done[0]!.peak) ? '' : Math.max(...done.map(({ peak }) => peak)).toFixed(0)} |`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const absent = all.filter((each) => each.absent !== '').map((each) => `${each.name}: ${each.absent}`);
  return absent.length === 0 ? lines : [...lines, '', `Left out: ${absent.join('; ')}.`];
}

function mounters(root: string): Mounter[] {
  const clutch = join(root, 'bin/clutch');
  const rootOnly = process.getuid?.() === 0 ? '' : 'mounting needs root';
  const own = (name: string, backend: string, absent: string, direct = false): Mounter => ({
    name, absent: existsSync(clutch) ? absent : 'bin/clutch is not there', ...(direct ? { onlyWrites: true } : {}),
    mount: (image, at, write) => [clutch, 'mount', image, at, '--backend', backend, ...(write ? ['--write'] : []), ...(direct ? ['--direct'] : [])], unmount: () => 'SIGINT',
  });
  return [
    own('clutch', 'fuse', ''),
    // As all the others write: into the image at once, with no way back.
    own('clutch --direct', 'fuse', '', true),
    {
      ...own('clutch, fuse-native', 'fuse-native', existsSync(join(root, 'node_modules/fuse-native')) ? '' : 'the package is not installed'),
      refuses: { copy: 'can\'t: the package hands times over wrong, so they are not set (ENOTSUP)' },
    },
    { name: 'fuse2fs', absent: needs('fuse2fs'), mount: (image, at, write) => ['fuse2fs', '-f', '-o', write ? 'fakeroot' : 'ro', image, at], unmount: (at) => ['umount', at] },
    { name: 'guestmount', absent: needs('guestmount') || noKernel(), mount: (image, at, write) => ['guestmount', '--no-fork', '-a', image, '-m', '/dev/sda', ...(write ? [] : ['--ro']), at], unmount: (at) => ['guestunmount', at] },
    { name: 'kernel', absent: rootOnly, mount: (image, at, write) => ['mount', '-o', write ? 'loop' : 'loop,ro', image, at], unmount: (at) => ['umount', at] },
  ];
}

interface Measured {
  readonly seconds: number;
  readonly amount: number;
  /** The largest resident set of the program that serves, in MiB; NaN where the kernel does. */
  readonly peak: number;
  readonly failure: string;
}

/** Mounts, has `what` done there by another program, unmounts. */
async function measured(root: string, { mount, unmount, refuses }: Mounter, what: string, image: string, at: string, write: boolean, tree: string | undefined): Promise<Measured> {
  const refused = refuses?.[what];
  if (refused !== undefined) return { seconds: Number.NaN, amount: 0, peak: Number.NaN, failure: refused };
  mkdirSync(at, { recursive: true });
  const [program, ...args] = mount(image, at, write);
  const server = spawn(program!, args, { env: ENV, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.on('data', (bytes: Buffer) => { said = (said + bytes.toString()).slice(-2000); });
  const ended = new Promise<number | null>((resolve) => {
    server.once('exit', resolve);
    server.once('error', () => resolve(-1));
  });
  try {
    if (!await mounted(server, at)) return { seconds: Number.NaN, amount: 0, peak: Number.NaN, failure: `did not mount: ${said.trim().split('\n').at(-1)?.slice(0, 100) ?? ''}` };
    const [seconds, amount] = await run('python3', join(root, 'bench/mounted.py'), what, at, ...(what === 'copy' ? [tree!] : []));
    const peak = server.exitCode === null ? Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024 : Number.NaN;
    const begin = performance.now();
    const end = unmount(at);
    if (end === 'SIGINT') server.kill('SIGINT');
    else spawnSync(end[0]!, end.slice(1), { env: ENV });
    const status = await ended;
    const leaving = (performance.now() - begin) / 1000;
    return { seconds: seconds! + (write ? leaving : 0), amount: amount!, peak, failure: status === 0 ? '' : `ended with ${status}: ${said.trim().split('\n').at(-1)?.slice(0, 100) ?? ''}` };
  } catch (error) {
    server.kill('SIGINT');
    spawnSync('umount', ['-l', at], { env: ENV });
    await ended;
    return { seconds: Number.NaN, amount: 0, peak: Number.NaN, failure: (error as Error).message.split('\n')[0]!.slice(0, 100) };
  }
}

/** Whether something is mounted there in the end. The folder itself is not looked at: who serves it may hang. */
async function mounted(server: ChildProcess, at: string): Promise<boolean> {
  for (const begin = performance.now(); performance.now() - begin < PATIENCE; await setTimeout(20)) {
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${at} `)) return true;
    if (server.exitCode !== null && server.exitCode !== 0) return false;
  }
  return false;
}

/** @returns the numbers that it prints */
function run(program: string, ...args: readonly string[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: ENV, timeout: MOST }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim().split(' ').map(Number));
      else reject(new Error(stderr.trim().split('\n').at(-1) || error.message));
    });
  });
}

/** Those that are written to are each a new one. */
function imageFor(what: 'many' | 'big' | 'empty', corpus: Corpus, folder: string): string {
  if (what !== 'empty') {
    const image = corpus.images.get(what)!;
    // Into the page cache: otherwise it is the disk that is measured, for whoever comes first.
    spawnSync('dd', [`if=${image}`, 'of=/dev/null', 'bs=1M', 'status=none'], { env: ENV });
    return image;
  }
  const [model, image] = [join(folder, 'model.ext4'), join(folder, 'new.ext4')];
  if (!existsSync(model)) {
    writeFileSync(model, '');
    truncateSync(model, 1536 << 20);
    const made = spawnSync('mke2fs', ['-q', '-t', 'ext4', '-E', 'root_owner=0:0', model], { env: ENV, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`mke2fs: ${made.stderr}`);
  }
  rmSync(image, { force: true });
  spawnSync('cp', ['--sparse=always', model, image]);
  return image;
}

/** libguestfs boots an appliance with a kernel of its host, or with the one that it is told of. @returns what is missing */
function noKernel(): string {
  if (process.env['SUPERMIN_KERNEL'] !== undefined || existsSync('/boot') && readdirSync('/boot').some((name) => name.startsWith('vmlinuz'))) return '';
  return 'there is no kernel in /boot (unpack one, and set SUPERMIN_KERNEL and SUPERMIN_MODULES)';
}

function needs(program: string): string {
  return ENV.PATH.split(':').some((folder) => existsSync(join(folder, program))) ? '' : `${program} is not installed`;
}
