import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FileDevice } from '../../engines/testing/file-device.ts';
import { openImage } from '../../engines/testing/images.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { ROOT } from '../../engines/testing/recipes/build.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { readAll } from '../../engines/testing/walk.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { textTransport } from '../../shared/rpc/transports/websocket.ts';
import { missingGuest } from '../guests/testing/built.ts';
import { openImage as openSession } from '../session.ts';
import { fuseAvailable } from './fuse-descriptor.ts';
import { mountedAt, mounts as mountLines } from './mount-table.ts';
import { SessionMounts } from './mounts.ts';
import { buildProgram, ClutchMount, good, LIMIT, ran, shell } from './testing/clutch-mount.ts';

// Programs end within their own limit; the tests wait for them.
vi.setConfig({ testTimeout: 2 * LIMIT, hookTimeout: LIMIT });

const available = await fuseAvailable();
const reason = !available.ok ? `skipped: ${available.reason}` : missingTools('mke2fs', 'e2fsck', 'python3');
if (!available.ok) console.warn(reason);
const root = process.getuid?.() === 0;

const scratch = scratchFolder();
let folders = 0;
afterAll(() => scratch.remove());
beforeAll(() => { if (reason === undefined) buildProgram(); });

/** Bytes of the file that every image has: more than is read ahead of it. */
const LARGE = 6 << 20;

/** One image in a folder of its own, with what may be done to it. */
class Bed {
  readonly folder = join(scratch.path, `${++folders}`);
  readonly image = join(this.folder, 'disk.img');
  readonly at = join(this.folder, 'mount');

  constructor(size = 64 << 20, blockSize = 4096) {
    const tree = join(this.folder, 'tree');
    mkdirSync(tree, { recursive: true });
    writeFileSync(join(tree, 'small'), 'small\n');
    if (size > 16 << 20) writeFileSync(join(tree, 'large'), Buffer.alloc(LARGE, 'what a large file holds '));
    writeFileSync(this.image, '');
    truncateSync(this.image, size);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-m', '0', '-b', `${blockSize}`, '-E', `root_owner=${process.getuid?.()}:${process.getgid?.()}`, '-d', tree, this.image]);
  }

  /** `clutch mount`; whatever is left of it goes with the test. */
  async mount(args: readonly string[] = ['--write'], env: NodeJS.ProcessEnv = {}): Promise<ClutchMount> {
    const mount = await ClutchMount.start(this.image, this.at, args, { CLUTCH_RUNTIME: join(this.folder, 'run'), CLUTCH_DATA: join(this.folder, 'data'), ...env });
    onTestFinished(() => mount.takeDown());
    return mount;
  }

  digest(): string {
    return createHash('sha256').update(readFileSync(this.image)).digest('hex');
  }

  sound(image = this.image): void {
    run('e2fsck', ['-fn', image]);
  }
}

/** Waits until the mount is in the list of mounts no more, nor the folder there that was made for it. */
async function expectGone(at: string): Promise<void> {
  await expect.poll(() => [mountedAt(at), existsSync(at)], { timeout: LIMIT }).toEqual([undefined, false]);
}

/** A program in a mount, which is told what to do by lines, and tells what it did. */
class Program {
  readonly child: ChildProcess;
  readonly gone: Promise<unknown>;
  readonly lines: string[] = [];
  readonly #reader: Interface;

  constructor(script: string, ...args: readonly string[]) {
    this.child = spawn('python3', ['-uc', script, ...args], { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'], timeout: LIMIT, killSignal: 'SIGKILL' });
    this.gone = once(this.child, 'close');
    this.#reader = createInterface({ input: this.child.stdout! });
    this.#reader.on('line', (line) => { this.lines.push(line); });
    this.child.stdin!.on('error', () => {});
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.gone;
    });
  }

  /** Waits until it said so many lines, or has ended. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) await Promise.race([once(this.#reader, 'line'), this.gone.then(() => { throw new Error(`It said: ${this.lines.join('\n')}`); })]);
  }

  /** @returns what it says next */
  async ask(line: string): Promise<string> {
    const { length } = this.lines;
    this.child.stdin!.write(`${line}\n`);
    await this.said(length + 1);
    return this.lines[length]!;
  }

  /** No more lines for it. @returns all that it said */
  async end(): Promise<readonly string[]> {
    this.child.stdin!.end();
    await this.gone;
    return this.lines;
  }
}

/** Writes files into $1, where it stands, each synced, and tells which, until it can't; tells the error then, and ends. */
const WRITER = String.raw`
import errno, os, sys
os.chdir(sys.argv[1])
try:
    for i in range(100000):
        fd = os.open(f'file{i}', os.O_CREAT | os.O_WRONLY, 0o644)
        os.write(fd, (b'%08d' % i) * (i % 7 * 900 + 1)); os.fsync(fd); os.close(fd)
        print(i)
except OSError as error: print(errno.errorcode[error.errno])
`;
const contentsOf = (i: number): Buffer => Buffer.from(String(i).padStart(8, '0').repeat((i % 7) * 900 + 1));

/** Has $1 open for writing; each line that comes is an expression, whose value or error it tells. */
const HOLDER = String.raw`
import errno, mmap, os, sys
path = sys.argv[1]
file = open(path, 'r+b', buffering=0)
print('open')
for line in sys.stdin:
    try: print(eval(line))
    except OSError as error: print(errno.errorcode[error.errno])
`;

describe.skipIf(reason !== undefined)(`what may happen to a mount${reason === undefined ? '' : ` (${reason})`}`, () => {
  it('kill -9 while programs write: the mount is gone, the image as it was', async () => {
    const bed = new Bed();
    const before = bed.digest();
    const mount = await bed.mount();
    const writer = new Program(WRITER, bed.at);
    await writer.said(20);
    await mount.end('SIGKILL');
    expect((await writer.end()).at(-1)).toMatch(/^(ENOTCONN|ECONNABORTED|EIO|ENOENT)$/);
    await expectGone(bed.at);
    expect(bed.digest()).toBe(before);
    // And it is mounted again as if nothing had been.
    const again = await bed.mount();
    expect(await shell('ls "$1"', bed.at)).toBe('large\nlost+found\nsmall\n');
    expect(await again.end('SIGTERM')).toMatchObject({ status: 0 });
    expect(bed.digest()).toBe(before);
  });

  it('kill -9 while programs write with --direct: what was synced is there, and e2fsck repairs the rest', async () => {
    const bed = new Bed();
    const mount = await bed.mount(['--write', '--direct']);
    const writer = new Program(WRITER, bed.at);
    await writer.said(40);
    await mount.end('SIGKILL');
    const said = await writer.end();
    await expectGone(bed.at);
    const { status, out } = await ran('e2fsck', ['-fy', bed.image]);
    expect([0, 1], out).toContain(status);
    bed.sound();
    const { fs, close } = await openImage(new FileDevice(bed.image));
    const synced = said.filter((line) => /^\d+$/.test(line)).map(Number);
    expect(synced.length).toBeGreaterThanOrEqual(40);
    for (const i of synced) {
      const node = await fs.lookup(fs.root, `file${i}`);
      expect(node, `file${i}`).toBeDefined();
      expect(Buffer.compare(await readAll(fs, node!), contentsOf(i)), `file${i}`).toBe(0);
    }
    await close();
  });

  it('SIGTERM while a program writes: all of it is applied when that ends', async () => {
    const bed = new Bed();
    const mount = await bed.mount();
    const holder = new Program(HOLDER, join(bed.at, 'small'));
    await holder.said(1);
    mount.child.kill('SIGTERM');
    await expect.poll(() => mount.err, { timeout: LIMIT }).toMatch(/is in use by python3/);
    expect(await holder.ask('os.pwrite(file.fileno(), b"x" * 300000, 0)')).toBe('300000');
    expect(mount.over).toBe(false);
    await holder.end();
    expect(await mount.end()).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    bed.sound();
    expect(run(process.execPath, [join(ROOT, 'bin/clutch'), 'cat', bed.image, '/small'])).toBe('x'.repeat(300_000));
  });

  it('kill -9 of the window: the image\'s process ends, and its mounts with it', async () => {
    const bed = new Bed();
    const before = bed.digest();
    const window = spawn(process.execPath, [join(import.meta.dirname, 'testing/window.mjs'), join(ROOT, 'out/host/host.cjs'), bed.image], { env: { ...process.env, XDG_RUNTIME_DIR: '', CLUTCH_RUNTIME: join(bed.folder, 'run'), TMPDIR: bed.folder }, stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = once(window, 'exit');
    onTestFinished(async () => {
      window.kill('SIGKILL');
      await closed;
    });
    const lines = createInterface({ input: window.stdout });
    const [host] = (await once(lines, 'line') as [string]).map(Number) as [number];
    const client = createClient<HostContract>(textTransport({ send: (text) => void window.stdin.write(`${text}\n`), close: () => {}, onText: (heard) => void lines.on('line', heard), onClose: (heard) => void lines.on('close', () => heard('it is gone')) }));
    await client.call('image.info', {});
    await client.call('edit.unlock', {});
    const { at } = await client.call('mount.start', { layer: '0', options: { write: true } });
    onTestFinished(async () => { if (mountedAt(at) !== undefined) await ran('umount', ['-l', at]); });
    const writer = new Program(WRITER, at);
    await writer.said(10);
    window.kill('SIGKILL');
    await closed;
    expect((await writer.end()).at(-1)).toMatch(/^[A-Z]+$/);
    await expect.poll(() => [mountedAt(at), existsSync(at), existsSync(`/proc/${host}`)], { timeout: LIMIT }).toEqual([undefined, false, false]);
    expect(bed.digest()).toBe(before);
  });

  it('a full image: programs are told, and go on when there is room', async () => {
    const bed = new Bed(12 << 20, 1024);
    const mount = await bed.mount();
    const holder = new Program(HOLDER, join(bed.at, 'small'));
    await holder.said(1);
    // A hole, in which nothing can be stored once the rest is full.
    expect(await holder.ask('os.ftruncate(file.fileno(), 2000000)')).toBe('None');
    expect(await holder.ask('[view := mmap.mmap(file.fileno(), 0), len(view)][1]')).toBe('2000000');
    const fill = String.raw`
import errno, os, sys
os.chdir(sys.argv[1]); os.mkdir(sys.argv[2]); os.chdir(sys.argv[2])
told = set(); kept = []
for i in range(3000):
    try:
        with open(str(i), 'xb') as file: file.write(b'%04d' % i * 12288)
        kept.append(i)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        told.add(error.errno)
        if os.path.exists(str(i)): os.unlink(str(i))
        if i > len(kept) + 20: break
assert told and len(kept) > 20
for i in kept: assert open(str(i), 'rb').read() == b'%04d' % i * 12288, i
for i in kept[::2]: os.unlink(str(i))
print(len(kept))
`;
    const said = await Promise.all(['a', 'b'].map((name) => ran('python3', ['-c', fill, bed.at, name])));
    expect(said.map(({ status, err }) => `${status} ${err}`)).toEqual(['0 ', '0 ']);
    // Full to the last block.
    expect((await ran('dd', ['if=/dev/zero', `of=${bed.at}/rest`, 'bs=1k'])).err).toContain('No space left on device');
    expect(await holder.ask('[view.__setitem__(slice(900000, 1500000), b"y" * 600000), view.flush()][1]')).toMatch(/^(ENOSPC|EIO)$/);
    expect(await holder.ask('os.fsync(file.fileno())')).toMatch(/^(None|ENOSPC|EIO)$/);
    await shell('rm "$1/rest"', bed.at);
    expect(await holder.ask('os.pwrite(file.fileno(), b"z" * 600000, 900000)')).toBe('600000');
    expect(await holder.ask('[os.fsync(file.fileno()), os.pread(file.fileno(), 3, 1499998)][1]')).toBe(String.raw`b'zz\x00'`);
    await holder.end();
    expect(await mount.end('SIGTERM')).toMatchObject({ status: 0 });
    bed.sound();
    const { fs, close } = await openImage(new FileDevice(bed.image));
    const bytes = await readAll(fs, (await fs.lookup(fs.root, 'small'))!);
    expect(bytes.length).toBe(2_000_000);
    expect(Buffer.from(bytes.subarray(900_000, 1_500_000)).equals(Buffer.alloc(600_000, 'z'))).toBe(true);
    await close();
  });

  it('the disk of the pending changes is full: programs are told at a sync, and what was synced before is applied', async (context) => {
    if (!root) skip(context, 'a small disk is a mount of root\'s');
    const bed = new Bed();
    const small = join(bed.folder, 'small-disk');
    mkdirSync(small);
    // Of it, 64 MiB stay free in any case.
    run('mount', ['-t', 'tmpfs', '-o', 'size=72m', 'tmpfs', small]);
    onTestFinished(() => { run('umount', ['-l', small]); });
    const mount = await bed.mount(['--write'], { CLUTCH_SCRATCH: small });
    const script = String.raw`
import errno, os, sys
os.chdir(sys.argv[1])
for i in range(60):
    try:
        with open(f'm{i}', 'wb', buffering=0) as file:
            file.write(b'%04d' % i * 250000); os.fsync(file.fileno())
        print(i, flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno]); break
for j in range(i): assert open(f'm{j}', 'rb').read() == b'%04d' % j * 250000, j
`;
    const lines = (await good('python3', ['-c', script, bed.at])).trim().split('\n');
    expect(lines.pop()).toMatch(/^(ENOSPC|EIO)$/);
    expect(lines.length).toBeGreaterThan(2);
    const { status, err } = await mount.end('SIGTERM');
    expect(err).toMatch(/ were applied\n$/);
    // Where room was wanted decides whether a write is refused, or all since the last sync is taken back.
    expect(status).toBe(err.includes('what programs wrote last could not be kept, and was taken back') ? 1 : 0);
    bed.sound();
    const { fs, close } = await openImage(new FileDevice(bed.image));
    for (const i of lines) expect(Buffer.from(await readAll(fs, (await fs.lookup(fs.root, `m${i}`))!)).equals(Buffer.from(i.padStart(4, '0').repeat(250_000))), i).toBe(true);
    await close();
  });

  it('the image is removed: it is read on, nothing more is written, and what was written is kept as a new image', async () => {
    const bed = new Bed();
    const mount = await bed.mount();
    await shell('echo one > "$1/one"; sync "$1/one"', bed.at);
    rmSync(bed.image);
    expect(await shell('tail -c 5 "$1/large"; cat "$1/small" "$1/one"', bed.at)).toBe('olds small\none\n');
    expect((await ran('/bin/sh', ['-c', 'echo two > "$1/two"', 'sh', bed.at])).err).toContain('busy');
    const { status, err } = await mount.end('SIGTERM');
    expect(status).toBe(1);
    expect(err).toContain(`with the changes is ${bed.image}.changed`);
    bed.sound(`${bed.image}.changed`);
    expect(run(process.execPath, [join(ROOT, 'bin/clutch'), 'cat', `${bed.image}.changed`, '/one', '/small'])).toBe('one\nsmall\n');
  });

  it.each(['--write', '--read'])('the image is cut off underneath (%s): programs get errors, and it is unmounted', async (how) => {
    const bed = new Bed();
    const mount = await bed.mount(how === '--write' ? [how] : []);
    if (how === '--write') await shell('echo one > "$1/one"; sync "$1/one"', bed.at);
    truncateSync(bed.image, 512 << 10);
    const read = await ran('cat', [join(bed.at, 'large')]);
    expect(read).toMatchObject({ status: 1, err: expect.stringContaining('Input/output error') as string });
    await ran('find', [bed.at, '-ls']);
    if (how === '--write') await ran('/bin/sh', ['-c', 'cd "$1" && for i in 1 2 3 4 5 6 7 8 9; do mkdir "d$i"; echo "$i" > "d$i/x"; done; sync', 'sh', bed.at]);
    const { status, err } = await mount.end('SIGTERM');
    await expectGone(bed.at);
    // What was written fits to no image any more, and that is said; it is not in half an image either.
    if (how === '--write') expect([status, err]).toEqual([1, expect.stringMatching(/could not be applied/) as string]);
    else expect([status, err]).toEqual([0, expect.any(String)]);
  });

  it('umount -l with open files: they are served until they are closed, then all is applied', async (context) => {
    if (!root) skip(context, 'umount is root\'s');
    const bed = new Bed();
    const mount = await bed.mount();
    const holder = new Program(HOLDER, join(bed.at, 'small'));
    await holder.said(1);
    await good('umount', ['-l', bed.at]);
    expect(mountedAt(bed.at)).toBeUndefined();
    expect(await holder.ask('os.pwrite(file.fileno(), b"late " * 30000, 0)')).toBe('150000');
    expect(await holder.ask('[os.fsync(file.fileno()), os.fstat(file.fileno()).st_size][1]')).toBe('150000');
    expect(mount.over).toBe(false);
    await holder.end();
    expect(await mount.end()).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    bed.sound();
    expect(run(process.execPath, [join(ROOT, 'bin/clutch'), 'cat', bed.image, '/small'])).toBe('late '.repeat(30_000));
  });

  it('a folder above it gets another name: it works on there, and is unmounted', async () => {
    const bed = new Bed();
    const above = join(bed.folder, 'above');
    mkdirSync(above);
    const mount = await ClutchMount.start(bed.image, join(above, 'mount'), ['--write'], { CLUTCH_RUNTIME: join(bed.folder, 'run') });
    const moved = join(bed.folder, 'moved');
    onTestFinished(async () => {
      await mount.end('SIGKILL');
      if (mountedAt(join(moved, 'mount')) !== undefined) await ran('umount', ['-l', join(moved, 'mount')]);
    });
    renameSync(above, moved);
    await shell('echo here > "$1/here"', join(moved, 'mount'));
    expect(await mount.end('SIGTERM')).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    expect([mountedAt(join(moved, 'mount')), readdirSync(moved)]).toEqual([undefined, []]);
    bed.sound();
    expect(run(process.execPath, [join(ROOT, 'bin/clutch'), 'cat', bed.image, '/here'])).toBe('here\n');
  });

  it('a folder above it gets another name, then kill -9: it is gone there, with the folder that was made for it', async () => {
    const bed = new Bed();
    const above = join(bed.folder, 'above');
    mkdirSync(above);
    const mount = await ClutchMount.start(bed.image, join(above, 'a mount'), [], { CLUTCH_RUNTIME: join(bed.folder, 'run') });
    // As the list of mounts has it: \0401, \134.
    const moved = join(bed.folder, 'over 1 \\ "$x" %d');
    renameSync(above, moved);
    onTestFinished(async () => {
      const at = join(moved, 'a mount');
      if (mountedAt(at) !== undefined) await ran(root ? 'umount' : 'fusermount3', root ? ['-l', at] : ['-uz', at]);
      await mount.takeDown();
    });
    expect(mountedAt(join(moved, 'a mount'))).toBeDefined();
    await mount.end('SIGKILL');
    await expectGone(join(moved, 'a mount'));
    expect(readdirSync(moved)).toEqual([]);
  });

  it('its folder is removed, where another namespace does not see the mount: it ends, and all is applied', async (context) => {
    if (!root || (await ran('unshare', ['-m', 'true'])).status !== 0) skip(context, 'mount namespaces can\'t be made here');
    const bed = new Bed();
    const mount = await bed.mount();
    await shell('echo kept > "$1/kept"', bed.at);
    await good('unshare', ['-m', '--propagation', 'private', 'sh', '-euc', 'umount "$1" && rmdir "$1"', 'sh', bed.at]);
    expect(await mount.end()).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    await expectGone(bed.at);
    expect(run(process.execPath, [join(ROOT, 'bin/clutch'), 'cat', bed.image, '/kept'])).toBe('kept\n');
  });

  it('is mounted twice for reading, and not twice for writing', async () => {
    const bed = new Bed();
    const start = (name: string, ...args: readonly string[]): Promise<ClutchMount> => ClutchMount.start(bed.image, join(bed.folder, name), args, { CLUTCH_RUNTIME: join(bed.folder, 'run') });
    const two = [await start('a'), await start('b')];
    onTestFinished(async () => { for (const each of two) await each.takeDown(); });
    for (const { at } of two) expect(await shell('cat "$1/small"', at)).toBe('small\n');
    const writing = await start('c', '--write');
    two.push(writing);
    await shell('echo new > "$1/new"', writing.at);
    await expect(start('d', '--write')).rejects.toThrow(/is being used by another program/);
    expect(existsSync(join(bed.folder, 'd'))).toBe(false);
    for (const each of two.slice(0, 2)) expect((await each.end('SIGTERM')).status).toBe(0);
    expect(await writing.end('SIGTERM')).toMatchObject({ status: 0 });
    bed.sound();
    expect(readdirSync(bed.folder).toSorted()).toEqual(['disk.img', 'run', 'tree']);
  });

  it('is mounted again and again by one process: nothing is left of any', async () => {
    const bed = new Bed();
    const session = await openSession(bed.image);
    onTestFinished(() => session.close({ discard: true }));
    await session.editing.unlock();
    const mounts = new SessionMounts({ session });
    onTestFinished(() => mounts.close({ lazy: true }));
    const left = (): readonly number[] => [readdirSync('/proc/self/fd').length, childrenOf(process.pid).length, mountLines().filter(({ at }) => at.startsWith(bed.folder)).length];
    const cycle = async (i: number): Promise<void> => {
      const { mount } = await mounts.start({ layer: '0', options: { write: i % 2 === 0 }, at: bed.at });
      if (i % 2 === 0) await shell('echo "$2" > "$1/n" && mv "$1/n" "$1/name"', bed.at, `${i}`);
      else expect(await shell('cat "$1/name"', bed.at)).toBe(`${i - 1}\n`);
      expect(await mounts.stop(mount, false)).toEqual({ done: true });
    };
    const times = Number(process.env['CLUTCH_MOUNT_CYCLES'] ?? 30);
    for (let i = 0; i < 4; i++) await cycle(i);
    const before = left();
    const began = process.memoryUsage.rss();
    for (let i = 4; i < times; i++) await cycle(i);
    // A program's pipe is closed a moment after its end is told.
    await expect.poll(left, { timeout: LIMIT }).toEqual(before);
    if (times > 100) console.log(`${times} mounts: descriptors, processes, mounts ${left().join(' ')}; resident ${began >> 20} MiB before, ${process.memoryUsage.rss() >> 20} MiB after`);
    expect(before[2]).toBe(0);
  }, 3_600_000);
});

const noGuest = reason ?? missingTools('mkfs.xfs', 'xfs_repair') ?? (await missingGuest('linux-6.12'));
describe.skipIf(noGuest !== undefined)(`what may happen below a guest's volume that is mounted${noGuest === undefined ? '' : ` (${noGuest})`}`, () => {
  it('kill -9 of QEMU: programs get errors, the next find a new machine with all that was synced, and that is applied', async () => {
    const bed = new Bed();
    rmSync(bed.image);
    writeFileSync(bed.image, '');
    truncateSync(bed.image, 320 << 20);
    run('mkfs.xfs', ['-q', bed.image]);
    const mount = await bed.mount(['--write', '--with', 'guest:linux-6.12']);
    const synced = await shell('cd "$1"; head -c 3000000 /dev/urandom > large; echo one > one; sync large one .; sha256sum large', bed.at);
    const holder = new Program(HOLDER, join(bed.at, 'large'));
    await holder.said(1);
    expect(await holder.ask('os.pwrite(file.fileno(), b"never synced", 0)')).toBe('12');
    const [machine] = descendantsOf(mount.child.pid!).filter((pid) => commandOf(pid).startsWith('qemu-system'));
    process.kill(machine!, 'SIGKILL');
    // What is asked for first may fail; nothing hangs.
    await ran('ls', ['-l', bed.at]);
    expect(await holder.ask('os.fsync(file.fileno())')).toBe('EIO');
    await holder.end();
    await expect.poll(async () => (await ran('cat', [join(bed.at, 'one')])).out, { timeout: LIMIT }).toBe('one\n');
    expect(await shell('cd "$1"; sha256sum large', bed.at)).toBe(synced);
    expect(descendantsOf(mount.child.pid!)).not.toContain(machine);
    const { status, err } = await mount.end('SIGTERM');
    expect(status).toBe(1);
    expect(err).toMatch(/what programs wrote last could not be kept, and was taken back: linux-6\.12 was ended by SIGKILL/);
    expect(err).toMatch(/ were applied\n$/);
    await expectGone(bed.at);
    run('xfs_repair', ['-n', bed.image]);
  });
});

/** Processes that a process started. */
function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter((each) => each !== '').map(Number));
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

const descendantsOf = (pid: number): readonly number[] => childrenOf(pid).flatMap((each) => [each, ...descendantsOf(each)]);

/** The name of a process's program, of which the kernel keeps 15 characters. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}
