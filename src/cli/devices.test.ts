import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools, run } from '../engines/testing/tools.ts';
import { buildClutch, clutch, objects, workFolder } from './testing.ts';

const folder = workFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = process.getuid?.() === 0 ? missingTools('losetup', 'mke2fs', 'sfdisk', 'partx') : 'skipped: not root';

describe.skipIf(missing !== undefined)(`clutch devices${missing === undefined ? '' : ` (${missing})`}`, () => {
  let disk: string | undefined;
  beforeAll(() => {
    buildClutch();
    const file = join(folder, 'disk.img');
    writeFileSync(file, '');
    truncateSync(file, 16 * 1024 * 1024);
    run('sfdisk', ['-q', file], 'label: gpt\nsize=8M,name=one\n');
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'a\u202eb', '-U', '0f0e0d0c-0b0a-4908-8706-050403020100', '-E', 'offset=1048576', file, '8192k']);
    disk = run('losetup', ['--find', '--show', file]).trim();
    run('partx', ['--add', disk]);
  });
  afterAll(() => {
    if (disk === undefined) return;
    run('partx', ['--delete', disk]);
    run('losetup', ['--detach', disk]);
  });

  it('lists a disk before its partition, each with what is on it, found in a process of its own', () => {
    const { status, out } = clutch('devices', '--json');
    expect(status).toBe(0);
    expect(objects(out).filter(({ path, parent }) => path === disk || parent === disk)).toEqual([
      { path: disk, kind: 'disk', size: 16 * 1024 * 1024, model: `loop of ${join(folder, 'disk.img')}`, label: '', uuid: expect.stringMatching(/^[0-9A-Fa-f-]{36}$/) as string, contents: 'GPT', readOnly: false, removable: false, used: [] },
      { path: `${disk!}p1`, kind: 'partition', parent: disk, size: 8 * 1024 * 1024, model: '', label: 'a\\u{202e}b', uuid: '0f0e0d0c-0b0a-4908-8706-050403020100', contents: 'ext4', readOnly: false, removable: false, used: [] },
    ]);
  });

  it('prints them as a table, with a line of headings', () => {
    const { status, out } = clutch('devices');
    expect(status).toBe(0);
    expect(out).toMatch(/^PATH +SIZE +CONTENTS +LABEL +IN USE +MODEL *\n/);
    expect(out).toMatch(new RegExp(`^ {2}${disk!}p1 +8 MiB +ext4 +a\\\\u\\{202e\\}b *$`, 'm'));
  });
});
