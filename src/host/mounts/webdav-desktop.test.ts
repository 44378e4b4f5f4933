import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { isBelowOwnMount } from './own-mounts.ts';
import { mountGvfs } from './webdav-desktop.ts';
import type { WebdavGate } from './webdav-gate.ts';

const scratch = scratchFolder();
afterEach(() => { vi.unstubAllEnvs(); });
afterAll(() => scratch.remove());

/** A desktop's gio that mounts nothing, and says where it would be. */
const GIO = String.raw`#!/bin/sh
case "$1 $2" in
  'info '*) echo "local path: $(dirname "$0")/gvfs/dav:host=127.0.0.1";;
  'mount -u') echo "$3" >>"$0.unmounted";;
  'mount '*) printf 'Password: '; read -r password; test "$password" = secret;;
esac
`;

describe.skipIf(process.platform !== 'linux')('a mount of the desktop session', () => {
  it('is known as one of this process until it is unmounted', async () => {
    writeFileSync(join(scratch.path, 'gio'), GIO);
    chmodSync(join(scratch.path, 'gio'), 0o755);
    vi.stubEnv('PATH', `${scratch.path}:${process.env['PATH']}`);
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', 'unix:path=/nowhere');
    const mount = await mountGvfs({ plainUrl: 'http://127.0.0.1:1/volume/', password: 'secret' } as WebdavGate);
    if (!('at' in mount)) throw new Error(mount.advice);
    expect(mount.at).toBe(join(scratch.path, 'gvfs/dav:host=127.0.0.1'));
    expect([isBelowOwnMount(join(mount.at, 'folder')), isBelowOwnMount(scratch.path)]).toEqual([true, false]);
    await mount.unmount(false);
    await mount.ended;
    expect(isBelowOwnMount(mount.at)).toBe(false);
  });
});
