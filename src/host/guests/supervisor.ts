import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import type { Socket } from 'node:net';
import { setPriority } from 'node:os';
import type { ByteChannel } from '../../engines/core/channel.ts';
import { DiskError } from '../../engines/core/errors.ts';
import { streamChannel } from '../channels.ts';
import { Lines } from './lines.ts';
import type { LogBook } from './log.ts';
import type { GuestEnd } from './machine.ts';
import { Qmp } from './qmp.ts';
import type { MachineProgram } from './qemu.ts';
import { Watchdog } from './watchdog.ts';

/** MiB that QEMU may take besides the guest's memory: its code, translated code, buffers of its disks. */
const OWN_MEMORY = 1024;

/** Milliseconds between looks at how much memory it takes. */
const LOOK_EVERY = 5000;

/** Lines of the console that are told when a guest died. */
const LAST_LINES = 3;

/** What the machine is started with. */
export interface ProcessOptions {
  readonly program: MachineProgram;
  readonly args: readonly string[];
  /** The guest's name, in errors. */
  readonly guest: string;
  readonly log: LogBook;
  /** MiB of the guest; more than this and what QEMU itself takes ends it. */
  readonly memory: number;
  /** An open file that QEMU inherits as DESCRIPTORS.state. */
  readonly state?: number;
  /** Runs before the process is killed: from then on no write of it counts. */
  readonly beforeKill: () => void;
  /** Lower priority, for work that nobody waits for. */
  readonly background?: boolean;
}

/** QEMU's process: started here, ended here, and nowhere else. Nothing of it outlives us. */
export class MachineProcess {
  readonly pid: number;
  readonly qmp: Qmp;
  readonly console: ByteChannel;
  readonly files: ByteChannel;
  readonly control: ByteChannel;
  readonly bulk: ByteChannel;
  /** Resolves when the process is gone. */
  readonly ended: Promise<GuestEnd>;
  readonly #child: ChildProcess;
  readonly #options: ProcessOptions;
  readonly #since = performance.now();
  #asked: 'stop' | undefined;
  /** Why it was killed: the first reason counts. */
  #killed: { readonly cause: GuestEnd['cause']; readonly message: string } | undefined;
  #panicked = '';
  #shutdown = '';

  /** @throws DiskError guest when it can't be started */
  static async start(options: ProcessOptions): Promise<MachineProcess> {
    const { log, program } = options;
    const watchdog = new Watchdog((message) => log.add('launcher', `There is no watchdog: ${message}`));
    const child = spawn(program.command, [...program.args, ...options.args], {
      // In a session of its own, as Ctrl-C is for us: what was written is synced before the machine goes.
      detached: true, cwd: '/',
      // Node makes socket pairs of "pipe", which QEMU takes as they are.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...(options.state === undefined ? [] : [options.state])],
      env: { ...process.env, LC_ALL: 'C' },
    });
    if (child.pid !== undefined) watchdog.watch(child.pid);
    log.add('launcher', [program.command, ...program.args, ...options.args].map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)).join(' '));
    const failed = await new Promise<Error | undefined>((resolve) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', resolve);
    });
    if (failed !== undefined || child.pid === undefined) {
      watchdog.release();
      throw new DiskError({ kind: 'guest', guest: options.guest }, `${program.command} can't be started: ${failed?.message ?? 'no process'}`);
    }
    return new MachineProcess(child, child.pid, watchdog, options);
  }

  private constructor(child: ChildProcess, pid: number, watchdog: Watchdog, options: ProcessOptions) {
    this.#child = child;
    this.#options = options;
    this.pid = pid;
    const { log } = options;
    child.on('error', (error) => log.add('launcher', error.message));
    if (options.background === true) lower(pid);
    for (const stream of [child.stdout, child.stderr] as Readable[]) {
      const lines = new Lines((line) => log.add('qemu', line), 4096);
      stream.on('data', (bytes: Uint8Array) => lines.push(bytes));
      stream.on('end', () => lines.end());
      stream.on('error', () => {});
    }
    const channel = (i: number) => streamChannel(child.stdio[i] as Duplex);
    this.qmp = new Qmp(channel(3), options.guest, log);
    [this.console, this.files, this.control, this.bulk] = [channel(4), channel(5), channel(6), channel(7)];
    this.qmp.onEvent(({ event, data }) => {
      if (event === 'SHUTDOWN') this.#shutdown = String(data['reason']);
      else if (event === 'GUEST_PANICKED' || event === 'GUEST_CRASHLOADED') this.#panicked = String(data['action'] ?? 'panic');
    });
    const limits = setInterval(() => this.#look(), LOOK_EVERY);
    limits.unref();
    this.ended = new Promise((resolve) => {
      // 'close' comes after 'exit', when all that it said was read. A grandchild that holds a pipe must not keep it from coming.
      let over = false;
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        if (over) return;
        over = true;
        for (let i = 3; i < 8; i++) (child.stdio[i] as Duplex).destroy();
        const how = this.#judge(code, signal);
        log.add('launcher', `Ended: ${how.cause}${how.cause === 'stopped' ? '' : `. ${how.message}`}`);
        resolve(how);
      };
      child.on('exit', (code, signal) => {
        watchdog.release();
        clearInterval(limits);
        setTimeout(() => end(code, signal), 1000).unref();
      });
      child.on('close', end);
    });
  }

  /** From now on an end is what was asked for. */
  expectEnd(): void {
    this.#asked = 'stop';
  }

  /** Our process may end while this one runs, which then ends, too. */
  detach(): void {
    this.#child.unref();
    for (const stream of this.#child.stdio.slice(1, 8)) (stream as Socket | null)?.unref?.();
  }

  /** Ends it at once; the disk is fenced first. @param cause why, told as the end's */
  kill(cause: GuestEnd['cause'], message: string): Promise<GuestEnd> {
    this.#options.beforeKill();
    this.#killed ??= { cause, message };
    this.#child.kill('SIGKILL');
    return this.ended;
  }

  #judge(code: number | null, signal: NodeJS.Signals | null): GuestEnd {
    const { guest, log } = this.#options;
    const seconds = ((performance.now() - this.#since) / 1000).toFixed(1);
    const said = (from: 'console' | 'qemu') => log.last(from, LAST_LINES).join(' / ');
    // Told on the console by every kernel; where the device that tells it has no driver (arm64), that is all that tells it.
    const panic = log.last('console', Infinity).find((line) => line.includes('Kernel panic'));
    const failed = (cause: GuestEnd['cause'], what: string, words: string): GuestEnd => {
      const message = `${guest} ${what} after ${seconds} s${words === '' ? '' : `: ${words}`}`;
      return { cause, message, error: new DiskError({ kind: 'guest', guest }, message, 'Open the guest again. Its log tells more.') };
    };
    if (this.#killed?.cause === 'killed') return failed('killed', 'was ended', this.#killed.message);
    if (this.#panicked !== '') return failed('panic', 'crashed: its kernel panicked', panic ?? said('console'));
    if (this.#killed !== undefined) return failed(this.#killed.cause, this.#killed.cause === 'hung' ? 'hung' : 'was ended', this.#killed.message);
    if (signal !== null) return failed('signal', `was ended by ${signal}`, said('qemu'));
    switch (this.#shutdown) {
      case 'guest-shutdown': return this.#asked === 'stop' ? { cause: 'stopped', message: `${guest} was stopped` } : failed('crashed', 'turned itself off', said('console'));
      case 'host-qmp-quit': return this.#asked === 'stop' ? { cause: 'stopped', message: `${guest} was stopped` } : failed('crashed', 'was turned off', '');
      case 'guest-panic': return failed('panic', 'crashed: its kernel panicked', panic ?? said('console'));
      case 'guest-reset': return panic === undefined ? failed('reset', 'restarted by itself, which it may not', said('console')) : failed('panic', 'crashed: its kernel panicked', panic);
      case 'host-signal': return failed('signal', 'was ended by a signal', said('qemu'));
      default: return failed('crashed', `: QEMU ended with status ${code}`, said('qemu') || said('console'));
    }
  }

  /** A QEMU that grows without bound is ended before the computer suffers. Linux alone tells without starting a program. */
  #look(): void {
    if (process.platform !== 'linux') return;
    try {
      const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? 0);
      const limit = this.#options.memory + OWN_MEMORY;
      if (kib / 1024 > limit) void this.kill('crashed', `QEMU took more than ${limit} MiB of memory`);
    } catch {
      // It ended meanwhile.
    }
  }
}

function lower(pid: number): void {
  try {
    setPriority(pid, 10);
  } catch {
    // It is gone, or may not be changed: it works all the same.
  }
}
