import { afterAll, describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '../../engines/testing/tools.ts';
import type { FromHost, ToHost } from '../control.ts';
import type { Device } from './device.ts';
import { lookAt, type Looked } from './look.ts';
import { DeviceLooks, type LookLink } from './looks.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const device = (path: string, state = '1', more: Partial<Device> = {}): Device => ({ path, kind: 'disk', size: 512, model: '', contents: '', label: '', uuid: '', readOnly: false, removable: false, used: [], state, ...more });
const found = (contents: string): Looked => ({ contents, label: '', uuid: '' });

/** Processes that answer as they are told, and what they were asked. */
class Processes {
  readonly asked: string[] = [];
  readonly killed: number[] = [];
  started = 0;
  /** What is on a disk; undefined: it never answers. */
  readonly answers: (path: string, process: Process) => Looked | undefined;

  constructor(answers: (path: string, process: Process) => Looked | undefined) {
    this.answers = answers;
  }

  start(): LookLink {
    const id = ++this.started;
    const process = new Process();
    return {
      send: (message: ToHost) => {
        if (message.do !== 'look') return;
        this.asked.push(`${id} ${message.path}${message.partitioned ? ' partitioned' : ''}`);
        const answer = this.answers(message.path, process);
        if (answer !== undefined) queueMicrotask(() => process.tell({ did: 'look', path: message.path, found: answer }));
      },
      onMessage: (run) => { process.heard.push(run); },
      onExit: (run) => { process.exits.push(run); },
      kill: () => { this.killed.push(id); },
    };
  }
}

class Process {
  readonly heard: ((message: FromHost) => void)[] = [];
  readonly exits: ((how: string) => void)[] = [];

  tell(message: FromHost): void {
    for (const run of this.heard) run(message);
  }

  exit(how: string): void {
    for (const run of this.exits) run(how);
  }
}

describe('DeviceLooks', () => {
  it('looks at all in one process, tells after each, and looks again only at what changed', async () => {
    const processes = new Processes((path) => found(`on ${path}`));
    const looks = new DeviceLooks(() => processes.start(), { again: 0 });
    const disks = [device('/dev/a'), device('/dev/a1', '1', { kind: 'partition', parent: '/dev/a' }), device('/dev/b')];
    const told: unknown[] = [];
    await looks.refresh(disks, () => told.push(disks.map((each) => looks.of(each)?.contents)));
    expect(told).toEqual([['on /dev/a', undefined, undefined], ['on /dev/a', 'on /dev/a1', undefined], ['on /dev/a', 'on /dev/a1', 'on /dev/b']]);
    expect([processes.asked, processes.killed]).toEqual([['1 /dev/a partitioned', '1 /dev/a1', '1 /dev/b'], [1]]);
    await looks.refresh(disks);
    expect(processes.started).toBe(1);
    await looks.refresh([disks[0]!, disks[1]!, device('/dev/b', '2')]);
    expect(processes.asked.slice(3)).toEqual(['2 /dev/b']);
    await looks.refresh([disks[0]!]);
    expect(looks.of(disks[2]!)).toBeUndefined();
  });

  it('does not look again and again at a disk that is written to', async () => {
    const processes = new Processes(found);
    const looks = new DeviceLooks(() => processes.start(), { again: 1_000_000 });
    for (const state of ['1', '2', '3']) await looks.refresh([device('/dev/a', state)]);
    expect(processes.asked).toEqual(['1 /dev/a']);
  });

  it('leaves a disk that does not answer to its process, goes on with the others, and asks it no more until it is another', async () => {
    const processes = new Processes((path) => (path === '/dev/dying' ? undefined : found('ext4')));
    const looks = new DeviceLooks(() => processes.start(), { within: 20, again: 0 });
    const dying = device('/dev/dying');
    await looks.refresh([dying, device('/dev/sound')]);
    expect(looks.of(dying)).toMatchObject({ contents: '', error: { fault: { kind: 'timeout', ms: 20 }, message: '/dev/dying does not answer' } });
    expect(looks.of(device('/dev/sound'))).toEqual(found('ext4'));
    expect([processes.asked, processes.killed]).toEqual([['1 /dev/dying', '2 /dev/sound'], [1, 2]]);
    await looks.refresh([dying, device('/dev/sound')]);
    expect(processes.started).toBe(2);
    await looks.refresh([device('/dev/dying', '2')]);
    expect(processes.asked.at(-1)).toBe('3 /dev/dying');
  });

  it('says so when the process ends or gives itself up amid a look; what it says later counts for nothing', async () => {
    const late: Process[] = [];
    const processes = new Processes((path, process) => {
      if (path === '/dev/sound') {
        late[0]!.tell({ did: 'look', path, found: found('a lie') });
        return found('ext4');
      }
      late.push(process);
      queueMicrotask(() => (path === '/dev/crash' ? process.exit('it was ended by SIGSEGV') : process.tell({ did: 'giveUp', reason: 'it used 2048 MiB of memory' })));
      return undefined;
    });
    const looks = new DeviceLooks(() => processes.start());
    const disks = ['/dev/crash', '/dev/greedy', '/dev/sound'].map((path) => device(path));
    await looks.refresh(disks);
    expect(disks.map((each) => looks.of(each)?.error?.message ?? looks.of(each)?.contents)).toEqual([
      'What is on /dev/crash can\'t be found out: the process that read it ended (it was ended by SIGSEGV)', 'What is on /dev/greedy can\'t be found out: the process that read it ended (it used 2048 MiB of memory)', 'ext4',
    ]);
  });

  it('keeps nothing of a look that was broken off, also when it is wanted again at once', async () => {
    let answer = false;
    const processes = new Processes(() => (answer ? found('ext4') : undefined));
    const looks = new DeviceLooks(() => processes.start());
    const first = looks.refresh([device('/dev/a')]);
    looks.close();
    answer = true;
    await looks.refresh([device('/dev/a')]);
    await first;
    expect(looks.of(device('/dev/a'))).toBeUndefined();
    await looks.refresh([device('/dev/a')]);
    expect(looks.of(device('/dev/a'))).toEqual(found('ext4'));
  });

  it('ends with its process when nobody wants it any more, and begins again', async () => {
    let answer = false;
    const processes = new Processes(() => (answer ? found('ext4') : undefined));
    const looks = new DeviceLooks(() => processes.start());
    const refreshed = looks.refresh([device('/dev/a'), device('/dev/b')]);
    looks.close();
    await refreshed;
    expect([processes.asked, processes.killed, looks.of(device('/dev/a'))]).toEqual([['1 /dev/a'], [1], undefined]);
    answer = true;
    await looks.refresh([device('/dev/a')]);
    expect(looks.of(device('/dev/a'))).toEqual(found('ext4'));
  });
});

describe('lookAt', () => {
  it('says what is there, or why it can not be said', async () => {
    const table = new Uint8Array(1024 * 1024);
    // One entry of type 0x83 from sector 8 on, and the signature.
    table.set([0x80, 0, 0, 0, 0x83, 0, 0, 0, 8, 0, 0, 0, 0, 4, 0, 0], 446);
    table.set([0x55, 0xaa], 510);
    writeFileSync(join(scratch.path, 'mbr'), table);
    writeFileSync(join(scratch.path, 'packed'), Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    expect(await lookAt(join(scratch.path, 'mbr'), true)).toMatchObject({ contents: 'MBR' });
    expect((await lookAt(join(scratch.path, 'mbr'), false)).contents).toMatch(/^MBR › /);
    const swap = new Uint8Array(64 * 1024);
    swap.set(new TextEncoder().encode('SWAPSPACE2'), 0xff6);
    writeFileSync(join(scratch.path, 'swap'), swap);
    writeFileSync(join(scratch.path, 'text'), 'not a disk, and no format that anybody knows '.repeat(1000));
    expect(await lookAt(join(scratch.path, 'swap'), false)).toMatchObject({ contents: 'Linux swap' });
    expect(await lookAt(join(scratch.path, 'text'), false)).toEqual({ contents: '', label: '', uuid: '' });
    // Nothing is unpacked for a look.
    expect(await lookAt(join(scratch.path, 'packed'), false)).toEqual({ contents: '', label: '', uuid: '' });
    expect(await lookAt(join(scratch.path, 'none'), false)).toMatchObject({ contents: '', error: { fault: { kind: 'usage', errno: 'ENOENT' } } });
  });
});
