import { execFile } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isDiskError } from '../../engines/core/errors.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { fuseAvailable } from '../mounts/fuse-descriptor.ts';
import { ImageHost } from './service.ts';

const LIMIT = 120_000;
const TOKEN = 'c'.repeat(32);
const layer = '0';
const skip = missingTools('mke2fs', 'e2fsck') ?? (await noFuse());

async function noFuse(): Promise<string | undefined> {
  const available = await fuseAvailable();
  if (available.ok) return undefined;
  console.warn(`skipped: ${available.reason}`);
  return `skipped: ${available.reason}`;
}

/** Runs a program of the shell on the mount that this process serves: never wait for it synchronously. */
async function shell(script: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script, 'sh', ...args], { timeout: LIMIT, killSignal: 'SIGKILL' });
  return stdout;
}

/** What is refused as busy is no failure. */
async function unlessBusy(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isDiskError(error) && (error.kind === 'busy' || error.fault.kind === 'usage')) return false;
    throw error;
  }
}

describe.skipIf(skip !== undefined)(`a volume that a window and programs change${skip === undefined ? '' : ` (${skip})`}`, () => {
  let scratch: ReturnType<typeof scratchFolder>;
  let image: string;
  let at: string;
  let host: ImageHost;
  let client: Client<HostContract>;
  let mount: number;

  beforeEach(async () => {
    scratch = scratchFolder();
    vi.stubEnv('CLUTCH_RUNTIME', join(scratch.path, 'run'));
    image = join(scratch.path, 'disk.img');
    at = join(scratch.path, 'mounted');
    mkdirSync(at);
    writeFileSync(image, '');
    truncateSync(image, 32 << 20);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', image]);
    host = new ImageHost(image);
    const [near, far] = memoryPair();
    host.connect(far);
    client = createClient<HostContract>(near);
    host.grant(TOKEN, at);
    await client.call('image.info', {});
    await client.call('edit.unlock', {});
    ({ mount } = await client.call('mount.start', { layer, options: { provider: 'fuse', write: true }, target: TOKEN }));
  });
  afterEach(async () => {
    await client.call('mount.stop', { mount, lazy: true }).catch(() => {});
    client.close();
    await host.close();
    vi.unstubAllEnvs();
    scratch.remove();
  });

  async function ended({ job }: { readonly job: number }): Promise<string> {
    for await (const event of client.stream('job.events', { job })) if (event.event === 'end') return event.state;
    throw new Error('the job told no end');
  }

  it('is seen by both as it is', async () => {
    await shell('echo before > "$1/file"; ls "$1" > /dev/null; cat "$1/file"', at);
    const { node } = await client.call('entry.create', { layer, folder: 2, name: 'window', kind: { type: 'dir' } });
    // The kernel has listed the folder, and looked for the name in vain.
    await expect.poll(() => shell('test -d "$1/window" && echo there || true', at), { timeout: 60_000 }).toBe('there\n');
    await shell('echo inside > "$1/window/program"', at);
    const { view, count } = await client.call('view.open', { layer, node, sort: { key: 'name', descending: false }, hidden: true });
    expect((await client.call('view.rows', { view, from: 0, count })).map(({ name }) => name)).toEqual(['program']);
    await client.call('edit.undo', {});
    await client.call('edit.undo', {});
    // The kernel is told beside the answer to the window.
    await expect.poll(() => shell('ls "$1"', at), { timeout: 60_000 }).toBe('file\nlost+found\n');
    await client.call('edit.redo', {});
    await expect.poll(() => shell('ls "$1"; cat "$1/file"', at), { timeout: 60_000 }).toBe('file\nlost+found\nwindow\nbefore\n');
  });

  it('stays sound when both do as they please', async () => {
    const still = { working: true };
    const programs = shell(`
      cd "$1" && mkdir p && i=0
      while [ $i -lt 40 ]; do
        i=$((i + 1))
        mkdir -p p
        echo "$i" >> p/log; echo "text $i" > "p/f$i"; mv "p/f$i" "p/g$((i % 7))"; ln -f p/log "p/l$((i % 3))"; rm -f "p/g$((i % 5))"
        head -c 20000 /dev/zero > "p/big$((i % 4))"
        [ $((i % 10)) -eq 0 ] && sync p/log; sleep 0.02
      done 2> /dev/null
      true`, at).finally(() => { still.working = false; });
    let [made, applied] = [0, 0];
    for (let i = 0; still.working; i++) {
      if (await unlessBusy(() => client.call('entry.create', { layer, folder: 2, name: `w${i}`, kind: { type: 'dir' } }))) made++;
      if (i % 3 === 0 && (await unlessBusy(async () => { expect(await ended(await client.call('edit.apply', {}))).toBe('done'); }))) applied++;
      if (i % 4 === 1 && (await unlessBusy(() => client.call('edit.undo', {})))) await unlessBusy(() => client.call('edit.redo', {}));
      // A hand is slower than a program.
      await setTimeout(30);
    }
    await programs;
    expect(Math.min(made, applied)).toBeGreaterThan(0);
    expect(await client.call('mount.stop', { mount })).toEqual({ done: true });
    await unlessBusy(async () => ended(await client.call('edit.apply', {})));
    await client.call('edit.lock', {});
    run('e2fsck', ['-fn', image]);
  });
});
