import type { Preview } from '../../shared/contract/preview.ts';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { samples } from './preview.ts';

/** A file or folder of a fake image. */
export interface FakeNode {
  readonly row: EntryRow;
  readonly children?: readonly FakeNode[] | (() => readonly FakeNode[]);
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly mime?: string;
  /** What a quick look shows of it, where that is not plain. */
  readonly preview?: Preview;
}

const T0 = 1_700_000_000_000_000_000n;
let nextNode = 100;

/** As the image's own passwd and group have them. */
const USERS: Readonly<Record<number, string>> = { 0: 'root', 1000: 'ada' };
const GROUPS: Readonly<Record<number, string>> = { 0: 'root', 5: 'tty', 6: 'disk', 42: 'shadow', 1000: 'ada' };

function row(name: string, patch: Partial<EntryRow>): EntryRow {
  const node = nextNode++;
  const { uid = 0, gid = 0 } = patch;
  const owner = USERS[uid];
  const group = GROUPS[gid];
  return {
    node, name, display: shownName(name), type: 'file', size: 0, allocated: 0, atime: T0 + 3_600_000_000_000n, ctime: T0, btime: T0 - 1n, mtime: T0 + BigInt(node) * 86_411_000_000_123n, mode: 0o644, uid, gid, nlink: 1, flags: [],
    ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }), ...patch,
  };
}

/** As the host escapes names, near enough for a test: what can't be seen, and what reorders text. */
export function shownName(name: string): string {
  // oxlint-disable-next-line no-control-regex
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/g, (c) => (c.charCodeAt(0) < 0x100 ? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}` : `\\u{${c.charCodeAt(0).toString(16)}}`));
}

export function file(name: string, size: number, patch: Partial<EntryRow> = {}, content: Omit<FakeNode, 'row' | 'children'> = {}): FakeNode {
  return { row: row(name, { size, allocated: Math.ceil(size / 4096) * 4096, ...patch }), ...content };
}

export function folder(name: string, children: FakeNode['children'] = [], patch: Partial<EntryRow> = {}): FakeNode {
  return { row: row(name, { type: 'dir', mode: 0o755, size: 4096, nlink: 2, ...patch }), children };
}

export function childrenOf(node: FakeNode): readonly FakeNode[] {
  return typeof node.children === 'function' ? node.children() : (node.children ?? []);
}

function once(make: () => readonly FakeNode[]): () => readonly FakeNode[] {
  let made: readonly FakeNode[] | undefined;
  return () => (made ??= make());
}

/** A PNG of 8 × 8 pixels with a transparent half, small enough to spell out. */
const PNG = Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAGklEQVR42mNk+M9Qz0AEYBxVSF+FhPxIUCEAJ2cHAfQlBS0AAAAASUVORK5CYII='), (c) => c.charCodeAt(0));

const SCRIPT = `#!/bin/sh\n# Starts what the machine needs.\nset -eu\nfor service in /etc/init.d/*; do\n\t[ -x "$service" ] && "$service" start\ndone\n<script>alert("this stays text")</script>\n`;

/** A root folder with something of everything that a hostile or ordinary image may hold. */
export function fakeRoot(): FakeNode {
  const etc = folder('etc', [folder('ssl', [file('openssl.cnf', 10_835)]), file('hostname', 7, {}, { text: 'clutch\n' }), file('passwd', 1432, {}, { text: 'root:x:0:0:root:/root:/bin/bash\n' }), file('shadow', 901, { mode: 0o640, gid: 42 })]);
  return folder('', [
    etc,
    folder('home', [folder('ada', [
      folder('pictures', [2019, 2021, 2022].map((year, y) => folder(String(year), Array.from({ length: 14 - y * 3 }, (_, i) => file(`IMG_${4000 + i}.jpg`, Math.round(900_000_000 / (i + 2) / (y + 1))))))),
      folder('music', [folder('A band with a name', Array.from({ length: 9 }, (_, i) => file(`${i + 1} track.flac`, 400_000_000 + i * 9_000_000))), file('mix\u202egpj.ogg', 700_000_000)]),
      file('thesis.tex', 88_120), file('.bashrc', 3526)], { uid: 1000, gid: 1000 }), samples()]),
    folder('many', once(() => Array.from({ length: 100_000 }, (_, i) => file(`file-${String(i).padStart(6, '0')}.dat`, (i * 7919) % 5_000_000)))),
    folder('hidden only', [file('.one', 1), file('.two', 2)]),
    folder('empty'),
    folder('lost+found', [], { mode: 0o700 }),
    folder('broken directory', [], { flags: ['broken'] }),
    folder('تقارير', [file('תקציב 2024.ods', 32_000)]),
    file('start.sh', SCRIPT.length, { mode: 0o4755 }, { text: SCRIPT }),
    file('picture.png', PNG.length, {}, { bytes: PNG, mime: 'image/png' }),
    file('firmware.bin', 1_572_864, {}, { bytes: Uint8Array.from({ length: 4096 }, (_, i) => (i * 31 + (i >> 3)) & 255) }),
    file('video.mkv', 4_831_838_208, { uid: 1000, gid: 1000 }),
    file('invoice\u202egpj.exe', 66_049),
    file('line\nbreak\u0007.txt', 12),
    file('undecodable\udcff\udcfe.txt', 3),
    file(' leading and trailing spaces  ', 9),
    file('   ', 1),
    file(`${'a very long name '.repeat(600)}.txt`, 5),
    file('<img src=x onerror=alert(1)>.html', 210, {}, { text: '<h1>not a heading</h1>' }),
    file('from the year 2446', 5, { mtime: 15_032_385_535_999_999_999n }),
    file('before the epoch', 5, { mtime: -2_147_483_648_000_000_001n }),
    file('broken inode.dat', 0, { error: { fault: { kind: 'corrupt', place: { structure: 'inode 1312', at: 1_449_216, length: 256 } }, message: 'inode 1312 at byte 1449216: the checksum does not match', advice: 'Check the filesystem to see the whole extent of the damage.' } }),
    { row: row('etc-link', { type: 'symlink', mode: 0o777, size: 3, target: 'etc', targetNode: etc.row.node, targetType: 'dir' }) },
    { row: row('hostname-link', { type: 'symlink', mode: 0o777, size: 12, target: 'etc/hostname', targetNode: 1, targetType: 'file' }) },
    { row: row('dangling', { type: 'symlink', mode: 0o777, size: 21, target: '/nowhere/at/all' }) },
    { row: row('sda', { type: 'block', mode: 0o660, gid: 6 }) },
    { row: row('tty0', { type: 'char', mode: 0o620, gid: 5 }) },
    { row: row('queue', { type: 'fifo', mode: 0o600 }) },
    { row: row('socket', { type: 'socket', mode: 0o755 }) },
    file('.hidden', 20), file('.profile', 807),
  ], { nlink: 12 });
}
