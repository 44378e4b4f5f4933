#!/usr/bin/env node
/**
 * Makes the sample image that the app is shipped with, assets/sample/sample.img.gz, from the recipe below: a GPT disk with two ext4 volumes and
 * free space behind them. UUIDs, hash seeds and clocks are fixed, so the same tools make the same bytes. Needs mke2fs, debugfs and sgdisk.
 *   node scripts/sample.mjs
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, ftruncateSync, lutimesSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync, gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const MIB = 2 ** 20;
/** 2024-05-04 12:00:00 UTC, in seconds. */
const CLOCK = 1_714_824_000;
const DISK = { size: 32 * MIB, guid: '5a3b1e00-c1a7-4c4e-8a1d-00000000c1c0' };

/** @typedef {{ text?: string, bytes?: Buffer, link?: string, mode?: number, owner?: [number, number], xattrs?: Record<string, string> }} Entry */

const HOLIDAY = {
  name: 'holiday', guid: '5a3b1e00-c1a7-4c4e-8a1d-000000000001', uuid: '7e57ab1e-0001-4000-8000-000000000001', from: 1, size: 12,
  tree: {
    'readme.txt': { text: 'This disk is a sample. Look around: nothing can break, images open read-only.\n\n- Space shows a preview, Alt+Enter the properties.\n- Drag a file out, or press Ctrl+E to extract it.\n- The second volume is a small Linux system whose owners have names.\n', xattrs: { 'user.origin': 'The Clutch project' } },
    'letters/to-grandmother.txt': { text: 'Dear grandmother,\n\nthe sea is as blue as on your postcard. We found a shell that\nfits into the one you gave me. Kisses, A.\n' },
    'letters/latest': { link: 'to-grandmother.txt' },
    'pictures/sunset.png': { bytes: sunset(96, 60), xattrs: { 'user.caption': 'Last evening at the pier' } },
    'pictures/notes/places.csv': { text: 'place,day,rating\npier,Monday,5\nlighthouse,Tuesday,4\nmarket,Friday,5\n' },
    'music/list.m3u': { text: '#EXTM3U\n#EXTINF:194,Waves\nwaves.flac\n#EXTINF:241,Gulls at noon\ngulls at noon.flac\n' },
    'Grüße aus Åland.txt': { text: 'Names may be written in any script: Grüße, приветы, よろしく, 🐚.\n' },
  },
};

const SYSTEM = {
  name: 'system', guid: '5a3b1e00-c1a7-4c4e-8a1d-000000000002', uuid: '7e57ab1e-0002-4000-8000-000000000002', from: 14, size: 12,
  tree: {
    'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\ngrace:x:1001:1001:Grace:/home/grace:/bin/sh\n' },
    'etc/group': { text: 'root:x:0:\nada:x:1000:\ngrace:x:1001:\nmusic:x:2000:ada,grace\n' },
    'etc/hostname': { text: 'lighthouse\n' },
    'etc/os-release': { text: 'NAME="Sample Linux"\nID=sample\nVERSION_ID=1\nPRETTY_NAME="Sample Linux 1"\n' },
    'etc/shadow': { text: 'root:*:19847:0:99999:7:::\nada:!:19847:0:99999:7:::\n', mode: 0o600 },
    'bin/hello': { text: '#!/bin/sh\necho "Hello from inside a disk image."\n', mode: 0o755 },
    'usr/bin': { link: '../bin' },
    'home/ada/.profile': { text: 'export EDITOR=vi\n', owner: [1000, 1000] },
    'home/ada/todo.md': { text: '# To do\n\n- [x] Back up the disk\n- [ ] Look into the back-up\n', owner: [1000, 1000], xattrs: { 'user.tags': 'home, urgent' } },
    'home/grace/first-bug.txt': { text: '15:45 Relay 70 Panel F (moth) in relay. First actual case of bug being found.\n', mode: 0o640, owner: [1001, 1001] },
    'srv/music/shared.txt': { text: 'Everybody of the group music may write here.\n', mode: 0o664, owner: [1000, 2000] },
    'var/log/boot.log': { text: Array.from({ length: 400 }, (_, i) => `[${(i * 0.0137).toFixed(6).padStart(12)}] sample: step ${i} of 400 done\n`).join('') },
  },
};

const scratch = mkdtempSync(join(tmpdir(), 'clutch-sample-'));
try {
  const image = join(scratch, 'sample.img');
  const file = openSync(image, 'w');
  ftruncateSync(file, DISK.size);
  const volumes = [HOLIDAY, SYSTEM];
  for (const volume of volumes) writeSync(file, makeVolume(volume), 0, undefined, volume.from * MIB);
  closeSync(file);
  run('sgdisk', ['--clear', '--disk-guid', DISK.guid, ...volumes.flatMap(({ name, guid, from, size }, i) => ['--new', `${i + 1}:${from * 2048}:+${size}M`, '--change-name', `${i + 1}:${name}`, '--partition-guid', `${i + 1}:${guid}`]), image]);
  const packed = gzipSync(readFileSync(image), { level: 9 });
  // The system that packed it is told by zlib's build; "unknown" is the same everywhere.
  packed[9] = 255;
  mkdirSync(join(root, 'assets/sample'), { recursive: true });
  writeFileSync(join(root, 'assets/sample/sample.img.gz'), packed);
  console.log(`assets/sample/sample.img.gz: ${packed.length} bytes`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** An ext4 volume with a tree of files. */
function makeVolume({ name, uuid, size, tree }) {
  const folder = join(scratch, name);
  const image = `${folder}.img`;
  mkdirSync(folder);
  const commands = [];
  for (const [path, entry] of Object.entries(tree)) {
    const there = join(folder, path);
    mkdirSync(dirname(there), { recursive: true, mode: 0o755 });
    if (entry.link === undefined) {
      writeFileSync(there, entry.bytes ?? entry.text);
      chmodSync(there, entry.mode ?? 0o644);
    } else symlinkSync(entry.link, there);
    const [uid, gid] = entry.owner ?? [0, 0];
    commands.push(`set_inode_field "/${path}" uid ${uid}`, `set_inode_field "/${path}" gid ${gid}`);
    for (const [key, value] of Object.entries(entry.xattrs ?? {})) commands.push(`ea_set "/${path}" ${key} "${value}"`);
  }
  const folders = [...new Set(Object.keys(tree).flatMap((path) => path.split('/').slice(0, -1).map((_, i, parts) => parts.slice(0, i + 1).join('/'))))];
  for (const path of folders) {
    const home = /^home\/(ada|grace)$/.exec(path)?.[1];
    const [uid, gid] = home === 'ada' ? [1000, 1000] : home === 'grace' ? [1001, 1001] : [0, 0];
    commands.push(`set_inode_field "/${path}" uid ${uid}`, `set_inode_field "/${path}" gid ${gid}`);
    if (path === 'srv/music') commands.push('set_inode_field /srv/music gid 2000', 'set_inode_field /srv/music mode 042775');
  }
  stampTimes(folder);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-I', '256', '-J', 'size=1', '-m', '0', '-U', uuid, '-L', name, '-E', `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0`, '-d', folder, image, `${size}M`]);
  // What mke2fs takes from the machine: times of change and of creation.
  const inodes = ['', ...folders, ...Object.keys(tree)].map((path) => `/${path}`);
  for (const path of [...inodes, '/lost+found']) for (const field of ['ctime', 'crtime', 'atime', 'mtime']) commands.push(`set_inode_field "${path}" ${field} @${CLOCK}`);
  for (const path of inodes) for (const field of ['ctime_extra', 'crtime_extra', 'atime_extra', 'mtime_extra', 'generation']) commands.push(`set_inode_field "${path}" ${field} 0`);
  writeFileSync(join(scratch, 'commands'), `${commands.join('\n')}\n`);
  run('debugfs', ['-w', '-f', join(scratch, 'commands'), image]);
  run('e2fsck', ['-fn', image]);
  return readFileSync(image);
}

/** Everything was made and changed at the same moment. */
function stampTimes(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) stampTimes(path);
    else if (entry.isSymbolicLink()) lutimesSync(path, CLOCK, CLOCK);
    else utimesSync(path, CLOCK, CLOCK);
  }
  utimesSync(folder, CLOCK, CLOCK);
}

function run(program, args) {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8', TZ: 'UTC', E2FSPROGS_FAKE_TIME: String(CLOCK) } });
  } catch (error) {
    throw new Error(`${program} failed: ${error.stderr ?? error.message}`, { cause: error });
  }
}

/** A picture of an evening, as PNG: drawn here, so that there is nobody to ask for it. */
function sunset(width, height) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sky = y / height;
      const sun = Math.hypot(x - width * 0.62, y - height * 0.55) < height * 0.16;
      const sea = y > height * 0.62;
      const glint = sea && Math.abs(x - width * 0.62) < height * 0.14 && y % 4 < 2;
      const colour = sun && !sea ? [255, 214, 120] : glint ? [250, 190, 120] : sea ? [34, 56 + (y % 3) * 4, 92] : [90 + sky * 160, 80 + sky * 60, 130 - sky * 60];
      rows.set(colour.map(Math.round), y * (1 + width * 3) + 1 + x * 3);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
