import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { announceMount, answersSent, askUnmount, forgetMount, isRunning, listMounts, type UnmountAnswer } from './registry.ts';

const what = { at: '/mnt/x', image: '/images/disk.img', layer: '0', provider: 'fuse', write: true } as const;

describe.skipIf(process.platform === 'win32')('the register of mounts', () => {
  let scratch: ReturnType<typeof scratchFolder>;
  beforeEach(() => {
    scratch = scratchFolder();
    vi.stubEnv('CLUTCH_RUNTIME', join(scratch.path, 'run'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    scratch.remove();
  });

  it('lists a mount as long as it is announced, for this account alone', async () => {
    const announced = await announceMount(what, async () => ({ done: true, exit: 0, message: '' }));
    expect(statSync(join(scratch.path, 'run')).mode & 0o777).toBe(0o700);
    const [known] = listMounts();
    expect(known).toMatchObject({ ...what, pid: process.pid });
    expect(statSync(known!.file).mode & 0o777).toBe(0o600);
    expect(await isRunning(known!)).toBe(true);
    announced!.remove();
    expect(listMounts()).toEqual([]);
    expect(readdirSync(join(scratch.path, 'run'))).toEqual([]);
    expect(await isRunning(known!)).toBe(false);
  });

  it('asks the process of a mount for its end, hears how it goes, and how it came out', async () => {
    const asked: boolean[] = [];
    const answers: UnmountAnswer[] = [{ done: false, users: [{ pid: 7, name: 'bash', path: 'docs' }], message: 'in use' }, { done: true, exit: 3, message: 'applied' }];
    const announced = await announceMount(what, async (lazy, say) => {
      asked.push(lazy);
      say('wait');
      return answers.shift()!;
    });
    const [known] = listMounts();
    const said: string[] = [];
    expect(await askUnmount(known!, false, (text) => said.push(text))).toEqual({ done: false, users: [{ pid: 7, name: 'bash', path: 'docs' }], message: 'in use' });
    const end = askUnmount(known!, true, (text) => said.push(text));
    // The answer comes also when the mount has gone meanwhile.
    await expect.poll(() => asked.length).toBe(2);
    announced!.remove();
    expect(await end).toEqual({ done: true, exit: 3, message: 'applied' });
    await answersSent();
    expect([asked, said]).toEqual([[false, true], ['wait', 'wait']]);
    expect(await askUnmount(known!, false, () => {})).toBeUndefined();
  });

  it('says so when the process ends without an answer', async () => {
    const announced = await announceMount(what, () => new Promise(() => {}));
    const [known] = listMounts();
    const end = askUnmount({ ...known!, socket: known!.socket }, false, () => {});
    end.catch(() => {});
    announced!.remove();
    // What hangs up in the middle is no answer.
    const { createServer } = await import('node:net');
    const server = createServer((client) => client.end('{"is":"heard"}\n'));
    const socket = join(scratch.path, 'ends.sock');
    await new Promise<void>((resolve) => { server.listen(socket, resolve); });
    await expect(askUnmount({ ...known!, socket }, false, () => {})).rejects.toMatchObject({ fault: { kind: 'io' } });
    server.close();
  });

  it('survives what somebody else sends', async () => {
    let asked = 0;
    const announced = await announceMount(what, async () => {
      asked++;
      return { done: true, exit: 0, message: '' };
    });
    const [known] = listMounts();
    const client = connect(known!.socket);
    client.on('error', () => {});
    const closed = new Promise<void>((resolve) => { client.once('close', () => resolve()); });
    client.resume();
    client.end('no words of ours\n');
    await closed;
    expect(asked).toBe(0);
    announced!.remove();
  });

  it('forgets what a killed process left, passes over what is none of it, and uses no folder that others can enter', async () => {
    mkdirSync(join(scratch.path, 'run'), { mode: 0o700 });
    writeFileSync(join(scratch.path, 'run', '4711-00aabbcc.json'), JSON.stringify({ ...what, pid: 4711, socket: join(scratch.path, 'run', '4711-00aabbcc.sock') }));
    writeFileSync(join(scratch.path, 'run', '4712-00aabbcc.json'), '{"at": 5}');
    const [left, ...more] = listMounts();
    expect(more).toEqual([]);
    expect(await isRunning(left!)).toBe(false);
    forgetMount(left!);
    expect(listMounts()).toEqual([]);
    chmodSync(join(scratch.path, 'run'), 0o755);
    expect(await announceMount(what, async () => ({ done: true, exit: 0, message: '' }))).toBeUndefined();
  });
});
