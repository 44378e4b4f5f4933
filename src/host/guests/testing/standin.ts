import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { bytesOf, dir, file } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import { serve9p } from '../../../engines/protocols/ninep/server.ts';
import { streamChannel } from '../../channels.ts';
import { DESCRIPTORS } from '../arguments.ts';
import { Lines } from '../lines.ts';

/**
 * Stands in for QEMU where a machine has none, and does what no QEMU would do when it is asked to: `node standin.mjs FAULT` with QEMU's arguments
 * behind it. It speaks QMP, is the agent, and serves a tree in memory over 9P. FAULT is "none", or:
 *   exit             ends with status 1 and a word on stderr before it says anything
 *   hang             never gets ready
 *   panic, reset, off, die, signal    ends that way when something is mounted; "die" by SIGKILL of itself, "signal" as QEMU answers to SIGTERM
 *   qmp, qmp-endless, control, control-endless, files    says garbage there
 *   flood            writes to the console without end
 *   deaf, stuck      never answers to mount and run; never ends when it is stopped
 *   refuse           mounts nothing, with words of the kernel
 *   disconnect       its file server ends after the mount
 *   mute             a guest without agent that serves nothing
 */
const [fault = 'none', ...args] = process.argv.slice(2);

if (fault === 'exit') {
  process.stderr.write('qemu: could not find a machine\n');
  process.exit(1);
}

const socket = (fd: number) => new Socket({ fd, readable: true, writable: true });
const [qmp, terminal, files, control, bulk] = [socket(DESCRIPTORS.qmp), socket(DESCRIPTORS.console), socket(DESCRIPTORS.files), socket(DESCRIPTORS.control), socket(DESCRIPTORS.bulk)];
for (const each of [qmp, terminal, files, control, bulk]) each.on('error', () => {});

const tell = (message: object) => qmp.write(`${JSON.stringify(message)}\r\n`);
const event = (name: string, data: object = {}) => tell({ event: name, data, timestamp: { seconds: 0, microseconds: 0 } });

/** As QEMU ends: the event, then the process. */
function end(reason: string): void {
  event('SHUTDOWN', { guest: reason.startsWith('guest'), reason });
  qmp.end(() => process.exit(0));
}

if (fault === 'qmp') qmp.write('HTTP/1.1 400 Bad Request\r\n\r\n');
else if (fault === 'qmp-endless') qmp.write(`{"QMP": "${'x'.repeat(3 << 20)}`);
else tell({ QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } });

const commands = new Lines((line) => {
  const { execute, id } = JSON.parse(line) as { readonly execute: string; readonly id: number };
  if (execute === 'nonsense') tell({ id, error: { class: 'CommandNotFound', desc: 'The command nonsense has not been found' } });
  else tell({ id, return: {} });
  if (execute === 'quit') end('host-qmp-quit');
  if (execute === 'system_powerdown' && fault !== 'stuck') end('guest-shutdown');
});
qmp.on('data', (bytes: Uint8Array) => commands.push(bytes));

if (fault === 'flood') {
  const noise = 'something went wrong, something went wrong, something went wrong\n'.repeat(1000);
  const flood = () => { while (terminal.write(noise)); };
  terminal.on('drain', flood);
  flood();
}

const tree = new WritableMemoryFileSystem(dir({ 'hello.txt': file('Hello from the stand-in\n'), folder: dir({ 'inner.bin': file(bytesOf('x'.repeat(100_000))) }) }));
if (!args.includes('virtserialport,bus=ports.0,chardev=control,name=ctl')) {
  // A guest without an agent.
  terminal.write('Booting ...\r\nlogin: ');
  if (fault !== 'mute') serve9p(streamChannel(files), tree);
} else if (fault === 'control-endless') control.write('x'.repeat(8 << 20));
else if (fault !== 'hang') {
  if (fault === 'control') control.write(Buffer.from([0, 1, 2, 0xff, 0xfe, 10, ...Buffer.from('17 ok\n99999999999 fail\n! served x\nready\n')]));
  control.write('ready 1\n');
}

let serving = false;
const words: string[] = [];
let wanted: { id: string; verb: string; count: number } | undefined;
const agent = new Lines((line) => {
  if (wanted === undefined) {
    const [id, verb, count] = line.split(' ');
    wanted = { id: id!, verb: verb!, count: Number(count) };
  } else words.push(line.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter)));
  if (words.length < wanted.count) return;
  const { id, verb } = wanted;
  const given = words.splice(0);
  wanted = undefined;
  command(id, verb, given);
});
control.on('data', (bytes: Uint8Array) => agent.push(bytes));
// As init does when the launcher is gone.
control.on('end', () => { if (fault !== 'stuck') end('guest-shutdown'); });

function command(id: string, verb: string, given: readonly string[]): void {
  const answer = (text: readonly string[], verdict: 'ok' | 'fail') => control.write([...text.map((line) => `${id} - ${line}\n`), `${id} ${verdict}\n`].join(''));
  switch (verb) {
    case 'mount': mount(given, answer); return;
    case 'run': {
      if (fault === 'deaf') return;
      answer([], 'ok');
      // What it was asked to run, so that a test sees each word as it arrived; and a piece of the mark, which is no end.
      bulk.write(`${JSON.stringify(given.slice(3))}\n${given[0]!.slice(0, 20)}\n`);
      bulk.write(`last line without an end${given[0]} 3\n`);
      return;
    }
    case 'tar':
      answer([], 'ok');
      for (let i = 0; i < 40; i++) bulk.write(Buffer.alloc(50_000, i));
      bulk.write(`${given[0]} ${given[1] === 'damaged' ? 1 : 0}\n`);
      return;
    case 'hush':
      serving = false;
      answer([], 'ok');
      return;
    case 'settle': settle(given[0]!, () => answer([], 'ok')); return;
    case 'log': answer(readFileSync('/proc/self/status', 'utf8').trim().split('\n'), 'ok'); return;
    case 'stop':
      answer([], 'ok');
      if (fault !== 'stuck') end('guest-shutdown');
      return;
    default: answer([], 'ok');
  }
}

function mount(given: readonly string[], answer: (text: readonly string[], verdict: 'ok' | 'fail') => void): void {
  switch (fault) {
    case 'panic':
      terminal.write('[    1.5] BUG: unable to handle page fault\r\n[    1.6] Kernel panic - not syncing: Fatal exception\r\n[    1.7] ---[ end ]---\r\n');
      event('GUEST_PANICKED', { action: 'poweroff' });
      end('guest-panic');
      return;
    case 'reset': end('guest-reset'); return;
    case 'off': end('guest-shutdown'); return;
    case 'signal': end('host-signal'); return;
    case 'die': process.kill(process.pid, 'SIGKILL'); return;
    case 'deaf': return;
    case 'refuse': answer([`mount: mounting /dev/vda failed: Invalid argument, options ${JSON.stringify(given[5])}`, '[    2.0] XFS (vda): Invalid superblock magic number'], 'fail'); return;
    default:
  }
  serve();
  answer([], 'ok');
  if (fault === 'disconnect') control.write('! served 139\n');
}

/** Bytes that are not the file server's: they are looked through for a mark. */
let passed = '';
let onMark: { readonly mark: string; readonly run: () => void } | undefined;
let feed: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
files.on('data', (bytes: Uint8Array) => {
  if (serving) {
    if (fault === 'files') files.write('this is no 9P, and never was');
    else void feed?.(new Uint8Array(bytes));
    return;
  }
  passed = (passed + Buffer.from(bytes).toString('latin1')).slice(-1 << 16);
  lookForMark();
});

function lookForMark(): void {
  if (onMark === undefined || !passed.includes(`${onMark.mark}\n`)) return;
  files.write(`stale bytes of the session before\n${onMark.mark}\n`);
  onMark.run();
  onMark = undefined;
  passed = '';
}

function settle(mark: string, run: () => void): void {
  onMark = { mark, run };
  lookForMark();
}

function serve(): void {
  serving = true;
  serve9p({ send: (bytes) => { if (serving) files.write(Buffer.from(bytes)); }, onBytes(run) { feed = run; }, onEnd() {}, close() { serving = false; } }, tree);
}
