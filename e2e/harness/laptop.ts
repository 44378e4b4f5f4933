import { chownSync, mkdirSync, readdirSync, lstatSync, lutimesSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gradientPng } from './image.ts';
import { run } from './processes.ts';

/** The disk of somebody's laptop, for the pictures of the README: GPT with boot, root and home on ext4, and room left. */
export function makeLaptop(folder: string, image: string): void {
  const parts = [
    { label: 'boot', first: 1, size: 512, files: BOOT },
    { label: 'root', first: 513, size: 3072, files: ROOT },
    { label: 'home', first: 3585, size: 4096, files: HOME },
  ] as const;
  writeFileSync(image, '');
  truncateSync(image, 9 * 2 ** 30);
  run('sgdisk', ['-U', 'c1a7c400-0000-4222-8333-0123456789ab', ...parts.flatMap(({ label, first, size }, i) => ['-n', `${i + 1}:${first}M:+${size}M`, '-c', `${i + 1}:${label}`, '-u', `${i + 1}:c1a7c400-000${i + 1}-4222-8333-0123456789ab`]), image]);
  for (const { label, first, size, files } of parts) {
    const tree = join(folder, label);
    mkdirSync(tree, { recursive: true });
    for (const [path, contents] of Object.entries(files)) write(join(tree, path), contents);
    age(tree, 0);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', label, '-U', `c1a7c400-1000-4222-8333-${label.padEnd(12, '0').replaceAll(/[^0-9a-f]/g, 'c')}`, '-m', '0', '-d', tree, '-E', `offset=${first * 2 ** 20},root_owner=0:0`, image, `${size}M`]);
    rmSync(tree, { recursive: true });
  }
}

/** A file's text or bytes, "-> target" of a symlink, or undefined for a folder. */
type Contents = string | Uint8Array | undefined;

const BOOT: Readonly<Record<string, Contents>> = { 'vmlinuz-6.12.8': new Uint8Array(12 << 20).fill(7), 'initrd.img-6.12.8': new Uint8Array(34 << 20).fill(9), 'config-6.12.8': 'CONFIG_EXT4_FS=y\n', 'grub/grub.cfg': 'set default=0\n' };

const ROOT: Readonly<Record<string, Contents>> = {
  bin: '-> usr/bin', lib: '-> usr/lib', boot: undefined, dev: undefined, home: undefined, proc: undefined, 'root/.bashrc': 'umask 077\n', tmp: undefined, 'usr/bin/env': 'x', 'usr/lib/os-release': 'NAME=Linux\n', 'var/log/syslog': 'booted\n',
  'etc/fstab': 'LABEL=root / ext4 defaults 0 1\nLABEL=home /home ext4 defaults 0 2\n', 'etc/hostname': 'laptop\n', 'etc/hosts': '127.0.0.1 localhost\n', 'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000:Ada:/home/ada:/bin/bash\n',
};

const RECIPE = `# Plum cake

For a baking tray:

- 500 g flour
- 1 cube of yeast
- 250 ml warm milk
- 80 g sugar, 80 g butter
- 2 kg plums

Crumble the yeast into the milk with a
spoon of the sugar and wait until it
foams. Knead everything, and let it rise
for an hour.

Halve the plums, set them upright and
close together on the dough, and bake at
180 °C for 40 minutes.

> Grandmother's note: cinnamon and sugar
> on top while it is still hot. No cream
> for the first slice!
`;

const HOME: Readonly<Record<string, Contents>> = {
  'ada/.bashrc': 'alias ll="ls -l"\n', 'ada/.profile': 'umask 022\n',
  'ada/Documents/taxes 2023.ods': new Uint8Array(48_213).fill(1), 'ada/Documents/thesis.tex': '\\documentclass{article}\n',
  'ada/Letters/to-grandmother.txt': 'Dear grandmother,\n', 'ada/Letters/to-the-landlord.txt': 'Dear Mr Byron,\n',
  'ada/Music/nocturne.flac': new Uint8Array(31_457_280).fill(3), 'ada/Music/prelude.flac': new Uint8Array(22_020_096).fill(3), 'ada/Music/waltz.flac': new Uint8Array(17_825_792).fill(3), 'ada/Music/study.flac': new Uint8Array(9_437_184).fill(3),
  'ada/Videos/harvest.mkv': new Uint8Array(41_943_040).fill(4), 'ada/Videos/first-steps.mkv': new Uint8Array(27_262_976).fill(4), 'ada/Pictures/scans.tar': new Uint8Array(19_922_944).fill(2), 'ada/Documents/atlas.pdf': new Uint8Array(12_582_912).fill(1), 'ada/Pictures/garden.png': gradientPng(640, 400), 'ada/Pictures/lake.png': gradientPng(800, 500),
  'ada/Projects/engine/notes.md': '# Engine\n',
  'ada/backup.tar.gz': new Uint8Array(7_340_032).fill(5), 'ada/garden-plan.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>\n', 'ada/notes.md': '# Notes\n', 'ada/plum-cake.md': RECIPE, 'ada/reading-list.txt': 'Menabrea\nBabbage\nSomerville\n',
  'ada/start.sh': '#!/bin/sh\nexec ./engine "$@"\n', 'ada/latest': '-> Projects/engine',
};

function write(path: string, contents: Contents): void {
  mkdirSync(contents === undefined ? path : dirname(path), { recursive: true });
  if (typeof contents === 'string' && contents.startsWith('-> ')) symlinkSync(contents.slice(3), path);
  else if (contents !== undefined) writeFileSync(path, contents);
}

/** Times spread over some months, the same in every run; what is Ada's is hers where that may be set. */
function age(path: string, depth: number): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) age(join(path, name), depth + 1);
  let hash = 7;
  for (const char of path.split('/').slice(-2).join('/')) hash = (hash * 31 + char.charCodeAt(0)) % 10_000_019;
  const time = Date.UTC(2024, 2, 1) / 1000 + (hash % (200 * 86_400));
  if (path.includes('/ada') && process.getuid?.() === 0 && !stat.isSymbolicLink()) chownSync(path, 1000, 1000);
  if (stat.isSymbolicLink()) lutimesSync(path, time, time);
  else utimesSync(path, time, time);
}
