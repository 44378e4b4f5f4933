import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CACHE, hasTool, SHARED } from '../recipes/build.ts';
import { writeBootRecord, writeGpt } from '../tables.ts';
import { ext4Targets } from './ext4-targets.ts';
import { Mutable } from './mutate.ts';
import { tableTargets } from './targets.ts';

/** A sound image (or one that others damaged) that mutations start from. */
export interface Seed {
  readonly name: string;
  readonly image: Mutable;
}

const KIB = 1024;
/** Images above this would make the rate fall: hashing and copying grow with the size. */
const LARGEST = 4 * KIB * KIB;

/** Small filesystems by mke2fs and debugfs, each for the structures that it has. `ed` runs debugfs commands, `mk` makes IMG from SRC. */
const RECIPES: Readonly<Record<string, string>> = {
  'ext2': 'mk 512K -t ext2 -b 1024 -N 128',
  'ext2-rev0': 'mk 512K -r 0 -b 1024 -N 128',
  'ext3-maps': 'big 300; mk 3M -t ext3 -b 1024 -N 128 -J size=1',
  'ext4': 'mk 3M -t ext4 -b 1024 -N 128 -J size=1',
  'ext4-no-journal': 'mk 1M -t ext4 -b 1024 -N 128 -O ^has_journal',
  'ext4-4k': 'mk 2M -t ext4 -b 4096 -N 128 -O ^has_journal',
  'inline-data': 'mk 1M -t ext4 -b 1024 -N 128 -I 256 -O inline_data,^has_journal',
  'inline-data-1k': 'mk 1M -t ext4 -b 1024 -N 64 -I 1024 -O inline_data,^has_journal',
  'no-checksums': 'mk 1M -t ext4 -b 1024 -N 128 -O ^metadata_csum,^uninit_bg,^64bit,^has_journal',
  'gdt-csum': 'mk 1M -t ext4 -b 1024 -N 128 -O ^metadata_csum,uninit_bg,^has_journal',
  'meta-bg': 'mk 2M -t ext4 -b 1024 -g 512 -N 256 -O meta_bg,^resize_inode,^has_journal',
  'bigalloc': 'mk 2M -t ext4 -b 1024 -N 128 -O bigalloc,^has_journal -C 4096',
  'sparse-super2': 'E=num_backup_sb=2; mk 2M -t ext4 -b 1024 -g 512 -N 128 -O sparse_super2,^sparse_super,^resize_inode,^has_journal',
  'csum-seed': 'mk 1M -t ext4 -b 1024 -N 128 -O metadata_csum_seed,^has_journal; tune2fs -U 11111111-2222-4333-8444-555555555555 $IMG',
  'hashed': 'many 400; mk 2M -t ext4 -b 1024 -N 640 -O ^has_journal; index',
  'hashed-no-csum': 'many 400; mk 2M -t ext4 -b 1024 -N 640 -O ^has_journal,^metadata_csum; index',
  'casefold': 'mkdir $SRC/cased; for i in $(seq 120); do echo $i >$SRC/cased/Name-$i-Ü; done; E=encoding=utf8; mk 1M -t ext4 -b 1024 -N 320 -O casefold,^has_journal; ed "sif /cased flags 0x40080000"; index',
  'deep-extents': 'big 700; mk 2M -t ext4 -b 1024 -N 64 -O ^has_journal; for i in $(seq 1 2 699); do echo "punch /big $i $i"; done >cmds; debugfs -w -f cmds $IMG',
  'unwritten': 'mk 1M -t ext4 -b 1024 -N 64 -O ^has_journal; ed "fallocate /file 4 40"; ed "fallocate /empty 0 20"',
  'xattrs': 'mk 1M -t ext4 -b 1024 -N 128 -I 256 -O ^has_journal; for i in $(seq 12); do ed "ea_set /file user.name$i value-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; ed "ea_set /dir user.short$i $i"; done',
  'ea-inode': 'head -c 3000 /dev/zero | tr "\\0" e >value; mk 1M -t ext4 -b 1024 -N 128 -O ea_inode,^has_journal; ed "ea_set -f value /file user.large"; ed "ea_set /dir user.small 1"',
  'journal-v3': 'mk 3M -t ext4 -b 1024 -N 128 -J size=1; dirty "-c -v 3"',
  'journal-v2': 'mk 3M -t ext4 -b 1024 -N 128 -J size=1; dirty "-c -v 2"',
  'journal-v1': 'mk 3M -t ext4 -b 1024 -N 128 -J size=1 -O ^metadata_csum; dirty "-c -v 1"',
  'journal-none': 'mk 3M -t ext4 -b 1024 -N 128 -J size=1 -O ^metadata_csum,^64bit; dirty ""',
  'quota-project': 'E=quotatype=usrquota:grpquota:prjquota; mk 2M -t ext4 -b 1024 -N 128 -O quota,project,^has_journal',
  'mmp': 'mk 1M -t ext4 -b 1024 -N 64 -O mmp,^has_journal',
  'encrypt': 'mk 1M -t ext4 -b 1024 -N 64 -O encrypt,^has_journal; ed "sif /dir flags 0x80800"; ed "ea_set /dir user.context 0123456789"',
  'orphan-file': 'mk 3M -t ext4 -b 1024 -N 64 -J size=1 -O orphan_file',
};

/** The words of the recipes. */
const PRELUDE = `
set -eu
export LC_ALL=C TZ=UTC E2FSPROGS_FAKE_TIME=1700000000
mkdir -p $SRC/dir/sub; echo hello >$SRC/file; head -c 20000 /dev/zero | tr "\\0" x >$SRC/dir/long; ln -s file $SRC/short; ln -s $(printf 'n%.0s' $(seq 200)) $SRC/far; ln $SRC/file $SRC/dir/hard; : >$SRC/empty; mkfifo $SRC/pipe; truncate -s 100000 $SRC/sparse
for i in 1 2 3 4 5 6 7 8; do echo $i >$SRC/dir/sub/name-$i; done
big() { head -c $(($1 * 1024)) /dev/zero | tr "\\0" b >$SRC/big; }
many() { mkdir $SRC/many; for i in $(seq $1); do : >$SRC/many/a-rather-long-name-$i; done; }
mk() { local size=$1; shift; truncate -s $size $IMG; mke2fs -q -F -U 8f3c0a52-1111-4222-8333-0123456789ab -E hash_seed=8f3c0a52-1111-4222-8333-0123456789ab,root_owner=0:0,lazy_itable_init=0\${E:+,$E} -d $SRC "$@" $IMG; }
ed() { debugfs -w -R "$1" $IMG; }
index() { e2fsck -fyD $IMG || [ $? -le 1 ]; }
dirty() { head -c 1024 $SRC/dir/long >data; printf 'jo %s\\njw -b 700 data\\njw -b 701,702 data\\njw -r 702\\njw -b 3 -c data\\njc\\n' "$1" >cmds; debugfs -w -f cmds $IMG; ed "feature needs_recovery"; }
`;

/** All seeds that can be had here, in a fixed order, and why others cannot. */
export function loadSeeds(): { seeds: Seed[]; missing: string[] } {
  const images: [string, Uint8Array][] = [];
  const missing: string[] = [];
  if (['bash', 'mke2fs', 'debugfs', 'e2fsck', 'tune2fs'].every(hasTool)) {
    for (const [name, script] of Object.entries(RECIPES)) images.push([name, made(name, script)]);
  } else {
    missing.push('no ext4 seeds: e2fsprogs is not installed');
  }
  images.push(...tables(images));
  if (existsSync(join(SHARED, 'e2fsprogs'))) images.push(...foreign());
  else missing.push(`no damaged seeds of e2fsprogs: ${SHARED} is not there`);
  return { seeds: images.map(([name, image]) => ({ name, image: new Mutable(image, targetsOf(image)) })), missing };
}

function targetsOf(image: Uint8Array): ReturnType<typeof tableTargets> {
  const targets = [...ext4Targets(image), ...tableTargets(image)];
  // The filesystem that the partitioned seeds hold.
  if (targets.some((target) => target.kind.startsWith('gpt') || target.kind.startsWith('mbr'))) targets.push(...ext4Targets(image, PARTITION_AT));
  return targets;
}

const PARTITION_AT = 64 * 512;

/** Partitioned and packed images around a small filesystem. */
function tables(filesystems: readonly [string, Uint8Array][]): [string, Uint8Array][] {
  const inner = filesystems.find(([name]) => name === 'ext2')?.[1] ?? new Uint8Array(512 * KIB).fill(0x41);
  const whole = (): Uint8Array => {
    const image = new Uint8Array(1024 * KIB);
    image.set(inner, PARTITION_AT);
    return image;
  };
  const gpt = whole();
  writeGpt(gpt, [{ first: 64, last: 64 + inner.length / 512 - 1, name: 'inner' }, { first: 1200, last: 1299, name: 'zweite' }]);
  const mbr = whole();
  writeBootRecord(mbr, 0, [{ type: 0x83, start: 64, size: inner.length / 512 }, { type: 5, start: 1200, size: 700 }], 0xcafe);
  for (let i = 0; i < 5; i++) writeBootRecord(mbr, (1200 + i * 100) * 512, [{ type: 0x83, start: 2, size: 50 }, ...(i < 4 ? [{ type: 5, start: (i + 1) * 100, size: 100 }] : [])]);
  const large = new Uint8Array(4096 * 512);
  writeGpt(large, [{ first: 16, last: 200 }], 4096);
  const part = inner.subarray(0, 64 * KIB);
  const members = Buffer.concat([part.subarray(0, 1000), part.subarray(1000, 40_000), part.subarray(40_000)].map((piece) => gzipSync(piece)));
  return [['gpt', gpt], ['mbr', mbr], ['gpt-4096', large], ['gzip', copy(gzipSync(inner))], ['gzip-members', copy(members)], ['gzip-gpt', copy(gzipSync(gpt))]];
}

/** A Node buffer as a plain array of its own. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Small images of e2fsprogs' own tests: damaged on purpose, each in another way. */
function foreign(): [string, Uint8Array][] {
  const found: [string, Uint8Array][] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.gz') && statSync(path).size < 40 * KIB) {
        const image = tryGunzip(path);
        if (image !== undefined) found.push([`e2fsprogs ${path.slice(SHARED.length + 11)}`, image]);
      }
    }
  };
  visit(join(SHARED, 'e2fsprogs'));
  return found.filter((_, i) => i % Math.ceil(found.length / 60) === 0);
}

function tryGunzip(path: string): Uint8Array | undefined {
  try {
    return copy(gunzipSync(readFileSync(path), { maxOutputLength: LARGEST / 2 }));
  } catch {
    // Larger than a seed may be.
    return undefined;
  }
}

/** A recipe's image, from the cache where the recipe has not changed. */
function made(name: string, script: string): Uint8Array {
  const folder = join(CACHE, '..', 'fuzz');
  const digest = createHash('sha256').update(PRELUDE).update(script).digest('hex').slice(0, 16);
  const path = join(folder, `${name}-${digest}.img`);
  if (!existsSync(path)) {
    const work = join(folder, `making-${name}-${process.pid}`);
    mkdirSync(join(work, 'src'), { recursive: true });
    const done = spawnSync('bash', ['-c', `${PRELUDE}\n${script}`], {
      cwd: work, encoding: 'utf8', timeout: 60_000, env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, IMG: join(work, 'image'), SRC: join(work, 'src') },
    });
    if (done.status !== 0) throw new Error(`The fuzz seed ${name} failed: ${done.stderr}${done.stdout}`);
    renameSync(join(work, 'image'), path);
    writeFileSync(join(folder, `${name}.log`), done.stdout + done.stderr);
    rmSync(work, { recursive: true, force: true });
  }
  return copy(readFileSync(path));
}
