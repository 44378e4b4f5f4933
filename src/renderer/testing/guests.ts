import type { JobEvent } from '../../shared/contract/calls.ts';
import type { CheckEvent } from '../../shared/contract/edit.ts';
import type { BadGuestRow, GuestLogEvent, GuestLogRow, GuestRow, Matrix, MatrixCell, QemuState, Support } from '../../shared/contract/guests.ts';
import type { ImageInfo, LayerRow, OpeningEvent, OpeningStep } from '../../shared/contract/rows.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import { FakeCheck } from './edit-jobs.ts';
import { ext4 } from './images.ts';

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

const MIB = 2 ** 20;

const mounts = (...rows: readonly (readonly [format: string, title: string, access: GuestRow['filesystems'][number]['access'], reason?: string])[]): GuestRow['filesystems'] => rows.map(([format, title, access, reason = '']) => ({ format, title, access, reason, checkable: format === 'xfs' }));

const MOST = mounts(
  ['xfs', 'XFS', 'read-write'], ['btrfs', 'Btrfs', 'read-write'], ['f2fs', 'F2FS', 'read-write'], ['jfs', 'JFS', 'read-write'], ['nilfs2', 'NILFS2', 'read-write'],
  ['squashfs', 'SquashFS', 'read-only', 'The format is made whole, and never changed'], ['ufs', 'UFS1, UFS2', 'read-only', 'Its kernel is built without writing for it'], ['hfsplus', 'HFS+', 'read-only', 'A journaled volume is not written to: the driver does not know the journal'],
  ['minix', 'Minix, big-endian', 'known-bad', 'A write test damaged its root'],
);

const ALL: readonly GuestRow[] = [
  { name: 'linux-6.12', title: 'Linux 6.12', summary: 'The default: most filesystems that Linux still mounts, among them ReiserFS, bcachefs and XFS v4.', architecture: 'x86_64', origin: 'shipped', state: 'built', missing: '', buildable: true, download: 128 * MIB, built: 1_790_000_000_000, bytes: 61 * MIB, kernel: '6.12.48-1', filesystems: [...MOST, ...mounts(['reiserfs', 'ReiserFS', 'read-write'], ['bcachefs', 'bcachefs', 'read-write'])], tables: ['gpt', 'mbr'], trees: ['devfs', 'procfs', 'tmpfs', 'overlay'] },
  { name: 'linux-7.2', title: 'Linux 7.2', summary: 'The newest that the archive has.', architecture: 'x86_64', origin: 'shipped', state: 'outdated', missing: 'It was built from an older description; “clutch guests build linux-7.2” builds it anew.', buildable: true, download: 143 * MIB, built: 1_760_000_000_000, bytes: 64 * MIB, kernel: '7.2.1-1', filesystems: MOST, tables: ['gpt', 'mbr'], trees: ['devfs', 'procfs', 'tmpfs'] },
  { name: 'linux-5.10', title: 'Linux 5.10', summary: 'The oldest that the archive keeps.', architecture: 'x86_64', origin: 'shipped', state: 'missing', missing: 'It is not built; “clutch guests build linux-5.10” builds it.', buildable: true, download: 96 * MIB, filesystems: [...MOST, ...mounts(['sysv', 'System V', 'read-write'])], tables: ['gpt', 'mbr'], trees: ['devfs', 'procfs'] },
  { name: 'linux-6.12-s390x', title: 'Linux 6.12 on s390x', summary: 'A machine of the other byte order, for filesystems that are written in it.', architecture: 's390x', origin: 'shipped', state: 'missing', missing: 'It is not built; “clutch guests build linux-6.12-s390x” builds it.', buildable: true, filesystems: mounts(['minix', 'Minix, big-endian', 'read-only', 'A write test damaged its root'], ['ufs', 'UFS1, UFS2', 'read-only']), tables: [], trees: [] },
  { name: 'netbsd-mine', title: 'NetBSD \\u{202e}10', summary: `A kernel of my own, for CHFS and LFS. ${'It has a long story. '.repeat(20)}`, architecture: 'x86_64', origin: 'added', state: 'missing', missing: 'The file netbsd.gz that its guest.yml names is not in its folder.', buildable: false, filesystems: mounts(['chfs', 'CHFS', 'read-write'], ['lfs', 'LFS', 'read-write']), tables: ['bsd'], trees: [] },
];

const BAD: BadGuestRow[] = [
  { name: 'openbsd-mine', reason: '/home/ada/.local/share/clutch/guests/openbsd-mine/guest.yml:7: boot.deadline: a number of seconds is wanted, “soon \\u{202e}” is none. guests/README.md says what stands in a guest.yml.', removable: true },
  { name: 'My guest', reason: `/home/ada/.local/share/clutch/guests/My guest/guest.yml: a guest’s name is of small letters, digits and dashes. ${'It goes on. '.repeat(200)}`, removable: false },
];

const QEMU: QemuState = { found: true, version: '7.2.22 (Debian 1:7.2+dfsg-7+deb12u16)' };
const NO_QEMU: QemuState = { found: false, reason: 'No qemu-system-x86_64 was found.', advice: 'On Debian and Ubuntu: apt install qemu-system-x86. On Fedora: dnf install qemu-system-x86. On macOS: brew install qemu.' };

const cell = (support: Support, reason = '', proofs: MatrixCell['proofs'] = []): MatrixCell => ({ support, reason, proofs });

function unbuilt(guest: GuestRow): GuestRow {
  const { built: _, bytes: _bytes, kernel: _kernel, ...rest } = guest;
  return { ...rest, state: 'missing', missing: 'It is not built.' };
}

/** The app's side of guests. A build takes a second; "linux-6.12-s390x" fails, and with `hold` of the window's `fake` none ends. */
export class FakeGuests {
  #guests: GuestRow[];
  readonly #jobs = new Map<number, { names: readonly string[]; cancelled: boolean }>();
  #bad: BadGuestRow[];
  #qemu: QemuState;

  /** @param how of the page's query: 'none' are known, there is 'noqemu', nothing is 'unbuilt', some are 'bad' */
  constructor(how: string) {
    this.#guests = how === 'none' ? [] : how === 'unbuilt' ? ALL.filter(({ origin }) => origin === 'shipped').map(unbuilt) : [...ALL];
    this.#bad = how === 'bad' ? BAD : [];
    this.#qemu = how === 'noqemu' ? NO_QEMU : QEMU;
  }

  get list(): GuestRow[] {
    return this.#guests;
  }

  get bad(): BadGuestRow[] {
    return this.#bad;
  }

  /** It is asked for again: somebody may have installed it meanwhile. */
  get qemu(): QemuState {
    return this.#qemu;
  }

  install(): void {
    this.#qemu = QEMU;
  }

  isBuilt(name: string): boolean {
    return this.#guests.some((guest) => guest.name === name && guest.state !== 'missing');
  }

  build(names: readonly string[]): number {
    this.#jobs.set(this.#jobs.size + 1, { names, cancelled: false });
    return this.#jobs.size;
  }

  cancel(job: number): void {
    this.#jobs.get(job)!.cancelled = true;
  }

  remove(name: string): GuestRow[] {
    this.#bad = this.#bad.filter((guest) => guest.name !== name);
    this.#guests = this.#guests.flatMap((guest) => {
      if (guest.name !== name) return [guest];
      if (guest.origin === 'added') return [];
      return [unbuilt(guest)];
    });
    return this.#guests;
  }

  add(folder: string): GuestRow[] {
    const name = folder.split('/').at(-1) ?? 'mine';
    this.#guests = [...this.#guests, { name, title: name, summary: 'A guest of my own.', architecture: 'x86_64', origin: 'added', state: 'built', missing: '', buildable: false, filesystems: mounts(['ffs', 'FFS', 'read-write']), tables: [], trees: ['tmpfs'] }];
    return this.#guests;
  }

  async *events(job: number): AsyncGenerator<JobEvent> {
    const work = this.#jobs.get(job)!;
    const summary = { files: 0, directories: 0, bytes: 0, skipped: 0, problems: 0 };
    const total = 96 * MIB;
    const steps = 12;
    const isHeld = (): boolean => (window as unknown as { fake: { hold?: boolean } }).fake.hold === true;
    yield { event: 'state', state: 'running' };
    for (let step = 1; step <= steps && !work.cancelled; step++) {
      await sleep(80);
      yield { event: 'progress', progress: { done: Math.round((total * step) / steps), total, unit: 'bytes', now: `linux-image-5.10.0-32-amd64, part ${step}` }, speed: 4_200_000, remaining: (steps - step) * 2 };
      if (step === 6) while (isHeld() && !work.cancelled) await sleep(20);
      if (step === 3) yield { event: 'log', note: { level: 'info', message: 'Release of bookworm: its signature is that of Debian' } };
    }
    if (work.cancelled) {
      yield { event: 'end', state: 'cancelled', summary };
      return;
    }
    if (work.names.includes('linux-6.12-s390x')) {
      yield { event: 'end', state: 'failed', summary, error: { fault: { kind: 'io' }, message: 'deb.debian.org does not answer', advice: 'See that this computer is online, or choose another mirror.' } };
      return;
    }
    this.#guests = this.#guests.map((guest) => (work.names.includes(guest.name) ? { ...guest, state: 'built', missing: '', built: Date.now(), bytes: 58 * MIB, kernel: '5.10.234-1' } : guest));
    yield { event: 'end', state: 'done', summary };
  }

  get matrix(): Matrix {
    const columns = [{ id: 'native', title: 'Clutch', missing: '' }, ...this.#guests.map(({ name, title, missing }) => ({ id: `guest:${name}`, title, missing }))];
    const titles = new Map<string, string>([['ext4', 'ext4'], ['fat', 'FAT12/16/32'], ['zfs', 'ZFS'], ['apfs', 'APFS'], ['gfs2', 'GFS2'], ['befs', 'BeFS'], ['hostile', '\\u{202e}evil\\x07']]);
    for (const { filesystems } of this.#guests) for (const { format, title } of filesystems) titles.set(format, title);
    return {
      columns,
      rows: [...titles].map(([format, title]) => ({
        format, title,
        cells: [
          format === 'ext4' ? cell('read-write', '', [{ date: '2026-11-22', what: 'conformance suite, e2fsck -fn clean' }]) : cell('none'),
          ...this.#guests.map(({ state, filesystems }) => {
            const row = filesystems.find((each) => each.format === format);
            if (row === undefined) return cell('none');
            if (row.access === 'known-bad') return cell('known-bad', row.reason);
            if (state === 'missing') return { ...cell('unbuilt', row.reason), would: row.access };
            return cell(row.access, row.reason, format === 'xfs' ? [{ date: '2026-11-22', what: 'walk equals the kernel’s' }, { date: '2026-11-22', what: 'written, xfs_repair -n clean' }] : []);
          }),
        ],
      })),
    };
  }
}

const step = (id: number, text: string, started: number, took: number | undefined, evidence: readonly string[] = []): OpeningEvent => ({ event: 'step', step: { id, layer: '0', text, evidence, started, state: took === undefined ? 'running' : 'done', ...(took === undefined ? {} : { ended: started + took }) } satisfies OpeningStep });

/** A layer that a guest is started for: of "slow" images it never comes up, of "refused" ones the kernel does not mount it. */
export class FakeEntering {
  #stopped = false;
  #done = false;
  readonly #name: string;
  readonly #title: string;

  constructor(name: string, title: string) {
    this.#name = name;
    this.#title = title;
  }

  async *events(): AsyncGenerator<OpeningEvent> {
    const at = [[0, `XFS: opening by ${this.#title}`, 4], [4, 'QEMU 7.2.22: started', 31], [35, 'kernel 6.12.48: booted', 1840], [1875, 'the disk is there: 1,073,741,824 bytes, read-only', 12]] as const;
    for (const [id, [started, text, took]] of at.entries()) {
      yield step(id, text, started, took, id === 0 ? ['“XFSB” at 0x0'] : []);
      await sleep(40);
    }
    yield step(4, 'mount -t xfs -o ro,norecovery: under way \u001b[5m', 1887, undefined, ['said \u202eby the guest']);
    while (!this.#done && !this.#stopped) await sleep(20);
    yield step(4, 'mount -t xfs -o ro,norecovery: mounted', 1887, 120);
    yield step(5, 'first listing: 14 entries', 2007, 18);
    yield { event: 'end', state: this.#stopped ? 'failed' : 'done', passed: 2025 };
  }

  /** Resolves to whether it came up. */
  async run(cancel: Cancel): Promise<'open' | 'stopped' | 'refused'> {
    for (let turn = 0; turn < 15 || this.#name.includes('slow'); turn++) {
      if (cancel.aborted) {
        this.#stopped = true;
        return 'stopped';
      }
      await sleep(20);
    }
    this.#done = true;
    return this.#name.includes('refused') ? 'refused' : 'open';
  }
}

/** What the kernel said where it does not mount it. */
export const REFUSED = { fault: { kind: 'guest', guest: 'linux-6.12' }, message: 'mount: wrong fs type, bad option, bad superblock on /dev/vda: XFS (vda): \u001b[31mUnsupported superblock version\u202e', advice: 'Try another guest, or check the filesystem.' } as const;

/** The image with a layer as the guest has opened it. */
export function served(info: ImageInfo, path: string, name: string, title: string): ImageInfo {
  const layers = info.layers.map((layer): LayerRow => {
    if (layer.path !== path) return layer;
    const { error: _, waiting: _waiting, ...rest } = layer;
    const { checkable: _checkable, ...filesystem } = ext4(path).filesystem!;
    return {
      ...rest, filesystem: { ...filesystem, checkable: layer.format === 'xfs' }, guest: { name, title, start: 'warm', accelerator: 'tcg', idle: false },
      openers: [{ id: `guest:${name}`, name: title, access: 'read-write', reason: 'its kernel’s own driver' }, ...layer.openers.filter(({ id }) => id !== `guest:${name}`)],
    };
  });
  return { ...info, layers, summary: `${info.layers[0]!.path === path ? '' : 'GPT › '}${layers.find((layer) => layer.path === path)!.title} (clean)` };
}

const CONSOLE = ['Linux version 6.12.48+deb13-amd64 (debian-kernel@lists.debian.org)', 'Command line: quiet mitigations=off', '\u001b[31mred alert\u001b[0m \u001b]0;a new title\u0007', 'name: \u202egnp.exe\u0000', 'x'.repeat(10_000), 'SGI XFS with ACLs, security attributes, realtime, quota, no debug enabled', 'XFS (vda): Mounting V5 Filesystem 6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f', 'XFS (vda): Ending clean mount'];

/** The log of a guest: what was said, and then a word now and again. */
export async function* fakeLog(title: string, cancel: Cancel): AsyncGenerator<GuestLogEvent> {
  const lines: GuestLogRow[] = [
    { at: 0, from: 'launcher', text: 'qemu-system-x86_64 -nodefaults -no-user-config -sandbox on,obsolete=deny -M pc,hpet=off -m 256' },
    { at: 31, from: 'qmp', text: '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}' },
    ...CONSOLE.map((text, i): GuestLogRow => ({ at: 120 + i * 40, from: 'console', text })),
    ...Array.from({ length: 300 }, (_, i): GuestLogRow => ({ at: 500 + i, from: 'console', text: `virtio_blk virtio2: [vda] line ${i} of the boot` })),
    { at: 1900, from: 'agent', text: 'mount xfs ro,norecovery /dev/vda: ok' },
    { at: 1910, from: 'qemu', text: 'warning: TCG doesn’t support requested feature: CPUID.01H:ECX.vmx [bit 5]' },
  ];
  yield { event: 'start', guest: 'linux-6.12', title, start: 'cold', accelerator: 'tcg' };
  yield { event: 'lines', lines };
  for (let i = 0; !cancel.aborted; i++) {
    await sleep(i < 20 ? 60 : 2000);
    yield { event: 'lines', lines: [{ at: 2000 + i * 60, from: 'agent', text: `serving, word ${i}` }] };
  }
}

/** xfs_repair: clean, or of a "broken" image full of errors that it can repair; of a "looks" one it can only look. */
export class FakeToolCheck extends FakeCheck {
  readonly #image: string;
  readonly #repairing: boolean;
  readonly #fixed: boolean;
  readonly #told: (ids: ReadonlySet<string>) => void;
  #stop = (): void => {};
  readonly #stopped = new Promise<void>((done) => { this.#stop = done; });

  constructor(name: string, fixed: ReadonlySet<string>, repairing = false, told: (ids: ReadonlySet<string>) => void = () => {}) {
    super(name, fixed);
    this.#image = name;
    this.#repairing = repairing;
    this.#fixed = fixed.has('tool');
    this.#told = told;
  }

  override again(_accepted: ReadonlySet<string>, fixed: ReadonlySet<string>, repaired: (ids: ReadonlySet<string>) => void): FakeToolCheck {
    return new FakeToolCheck(this.#image, fixed, true, repaired);
  }

  get #broken(): boolean {
    return (this.#image.includes('broken') || this.#image.includes('looks')) && !this.#fixed;
  }

  override get report(): string {
    return ['Checked by xfs_repair 6.13.0, in Linux 6.12', ...this.#lines, ''].join('\n');
  }

  get #lines(): string[] {
    return [
      'Phase 1 - find and verify superblock...', 'Phase 2 - using internal log', '        - zero log...',
      ...(this.#broken ? ['agi unlinked bucket 5 is 12101 in ag 0 (inode=12101)', 'sb_ifree 59, counted 61', `entry "\\u{202e}evil" in directory inode 128 ${this.#repairing ? 'junked' : 'would have been junked'}`, `bad name ${'y'.repeat(3000)}`] : []),
      ...Array.from({ length: 40 }, (_, i) => `        - agno = ${i}`),
      this.#repairing ? 'done' : 'No modify flag set, skipping filesystem flush and exiting.',
    ];
  }

  override async *rows(): AsyncGenerator<CheckEvent> {
    const lines = this.#lines;
    for (let at = 0; at < lines.length && !this.cancelled; at += 4) {
      yield { event: 'lines', lines: lines.slice(at, at + 4) };
      await sleep(20);
      // A tool that goes on and on.
      if (at === 8) while (this.#image.includes('slow') && !this.cancelled) await sleep(20);
    }
    this.#stop();
    if (this.cancelled) return;
    const state = !this.#broken ? 'clean' : this.#repairing ? 'fixed' : 'errors';
    yield { event: 'end', state, findings: this.#broken ? 1 : 0, repaired: state === 'fixed' ? 1 : 0, cut: false, tool: { name: 'xfs_repair 6.13.0, in Linux 6.12', status: state === 'errors' ? 1 : 0, repairs: !this.#image.includes('looks') } };
  }

  override async *run(): AsyncGenerator<JobEvent> {
    yield { event: 'state', state: 'running' };
    await this.#stopped;
    if (!this.cancelled && this.#repairing) this.#told(new Set(['tool']));
    yield { event: 'end', state: this.cancelled ? 'cancelled' : 'done', summary: { files: 0, directories: 0, bytes: 0, skipped: 0, problems: this.#broken ? 1 : 0 } };
  }
}
