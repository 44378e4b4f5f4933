import { describe, expect, it } from 'vitest';
import type { DeviceList } from '../../shared/contract/devices.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import type { FromHost } from '../control.ts';
import type { Device, Devices } from '../devices/device.ts';
import { DeviceCalls } from './devices.ts';

const disk = (path: string, more: Partial<Device> = {}): Device => ({ path, kind: 'disk', size: 512, model: '', contents: '', label: '', uuid: '', readOnly: false, removable: false, used: [], state: '1', ...more });

class Stop implements Cancel {
  aborted = false;
  readonly #runs: (() => void)[] = [];
  onAbort(run: () => void): void {
    this.#runs.push(run);
  }
  abort(): void {
    this.aborted = true;
    for (const run of this.#runs) run();
  }
}

/** The calls over a list that a test changes, and a process that finds "ext4" on every disk. */
function calls(first: Devices) {
  const computer = { list: first, listed: 0, running: 0 };
  const service = new DeviceCalls({
    tokenOf: (path) => ({ token: `token of ${path}`, name: path.slice(5), path }), every: 5,
    list: async () => {
      computer.listed++;
      return computer.list;
    },
    startProcess() {
      computer.running++;
      let hear: ((message: FromHost) => void) | undefined;
      return {
        send: (message) => { if (message.do === 'look') queueMicrotask(() => hear?.({ did: 'look', path: message.path, found: { contents: 'ext4', label: 'a\u202eb', uuid: '' } })); },
        onMessage: (run) => { hear = run; }, onExit() {}, kill: () => { computer.running--; },
      };
    },
  }).service;
  return { computer, changes: (stop: Stop) => service['devices.changes']({}, stop) as AsyncGenerator<DeviceList> };
}

const next = async (stream: AsyncGenerator<DeviceList>, until: (list: DeviceList) => boolean): Promise<DeviceList> => {
  for (;;) {
    const { value, done } = await stream.next();
    if (done === true) throw new Error('the stream ended');
    if (until(value)) return value;
  }
};

describe('devices.changes', () => {
  it('tells the disks, then what is on them, then what changes; texts are escaped, paths have tokens', async () => {
    const { computer, changes } = calls({ devices: [disk('/dev/sda', { model: 'St\u0007ick' })], advice: '' });
    const stop = new Stop();
    const stream = changes(stop);
    expect(await next(stream, ({ devices }) => devices[0]?.contents === 'ext4')).toEqual({
      advice: '',
      devices: [{ source: { token: 'token of /dev/sda', name: 'sda', path: '/dev/sda' }, kind: 'disk', size: 512, model: 'St\\x07ick', contents: 'ext4', label: 'a\\u{202e}b', uuid: '', readOnly: false, removable: false, used: [] }],
    });
    computer.list = { devices: [disk('/dev/sda', { used: ['/mnt'], state: '2' }), disk('/dev/sdb')], advice: '' };
    expect((await next(stream, ({ devices }) => devices[1]?.contents === 'ext4')).devices.map(({ used }) => used)).toEqual([['/mnt'], []]);
    computer.list = { devices: [], advice: 'There are none.' };
    expect(await next(stream, ({ devices }) => devices.length === 0)).toEqual({ devices: [], advice: 'There are none.' });
    stop.abort();
    await stream.return(undefined);
  });

  it('looks at nothing while nobody listens; a second listener has all at once', async () => {
    const { computer, changes } = calls({ devices: [disk('/dev/sda')], advice: '' });
    await new Promise((resolve) => { setTimeout(resolve, 30); });
    expect([computer.listed, computer.running]).toEqual([0, 0]);
    const [first, second] = [new Stop(), new Stop()];
    const stream = changes(first);
    await next(stream, ({ devices }) => devices[0]?.contents === 'ext4');
    const other = changes(second);
    expect((await other.next()).value).toMatchObject({ devices: [{ contents: 'ext4' }] });
    first.abort();
    await stream.return(undefined);
    second.abort();
    await other.return(undefined);
    // What was under way when the last one left comes to its end, and nothing more.
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    const { listed } = computer;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    expect([computer.listed, computer.running]).toEqual([listed, 0]);
    const again = new Stop();
    const third = changes(again);
    expect((await third.next()).value).toMatchObject({ devices: [{ contents: 'ext4' }] });
    again.abort();
    await third.return(undefined);
  });
});
