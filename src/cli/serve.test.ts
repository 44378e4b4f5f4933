import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { AppContract, HostContract } from '../shared/contract/calls.ts';
import { createClient } from '../shared/rpc/client.ts';
import { websocketTransport } from '../shared/rpc/transports/websocket.ts';
import type { Client } from '../shared/rpc/types.ts';
import { buildClutch, CLUTCH, makeExt4, missingMke2fs, workFolder } from './testing.ts';

const folder = workFolder();
const image = join(folder, 'disk.img');
const missing = missingMke2fs();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that is written to a stream, until it holds a text. */
async function said(stream: Readable, wanted: string): Promise<string> {
  let text = '';
  for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += piece.toString();
    if (text.includes(wanted)) return text;
  }
  throw new Error(`it ended with: ${text}`);
}

describe.skipIf(missing !== undefined || process.platform === 'win32')(`clutch serve with an image that is edited${missing === undefined ? '' : ` (${missing})`}`, () => {
  beforeAll(() => {
    buildClutch();
    mkdirSync(join(folder, 'tree'));
    makeExt4(image, join(folder, 'tree'), 'edited', '11111111-0000-0000-0000-000000000001');
  });

  it('loses nothing that is pending by one Ctrl-C in its terminal', async () => {
    const before = readFileSync(image);
    // A process group of its own, as a terminal gives one: Ctrl-C reaches all of it.
    const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [CLUTCH, 'serve', image], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, XDG_CONFIG_HOME: folder } });
    const exited = once(child, 'exit');
    const url = (await said(child.stdout, '\n')).trim();
    const { origin } = new URL(url);
    const cookie = (await fetch(url, { redirect: 'manual' })).headers.getSetCookie()[0]!.split(';')[0]!;
    const connect = async <C extends AppContract | HostContract>(path: string): Promise<Client<C>> => {
      const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}`, { headers: { cookie, origin } });
      await once(socket, 'open');
      return createClient<C>(websocketTransport(socket)) as Client<C>;
    };
    const app = await connect<AppContract>('/app');
    let token = '';
    for await (const event of app.stream('app.events', {})) {
      if (event.event !== 'open') continue;
      token = event.sources[0]!.token;
      break;
    }
    const opened = await app.call('image.open', { token });
    const host = await connect<HostContract>(`/image/${opened.image}`);
    await host.call('edit.unlock', {});
    await host.call('entry.create', { layer: '0', folder: 2, name: 'pending', kind: { type: 'dir' } });
    process.kill(-child.pid!, 'SIGINT');
    expect(await said(child.stderr, 'discard')).toContain('1 image that were not applied');
    expect(await host.call('edit.review', { from: 0, count: 10 })).toMatchObject({ total: 1 });
    expect(readFileSync(image).equals(before)).toBe(true);
    process.kill(-child.pid!, 'SIGINT');
    expect(await exited).toEqual([0, null]);
  });
});
