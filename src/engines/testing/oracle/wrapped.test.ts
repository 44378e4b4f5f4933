import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { ConcatDevice } from '../../core/bytes/concat.ts';
import type { BlockDevice } from '../../core/bytes/device.ts';
import { compareWalks } from '../compare.ts';
import { FileDevice } from '../file-device.ts';
import { openImage } from '../images.ts';
import { build, missing } from '../recipes/build.ts';
import { recipes } from '../recipes/ext4.ts';
import { missingTools, run, scratchFolder } from '../tools.ts';
import { walk } from '../walk.ts';
import { skip } from './check.ts';
import { truth } from './truth.ts';

const MIB = 1 << 20;
const recipe = recipes.find((each) => each.name === 'ext4-mke2fs')!;
const scratch = scratchFolder();
afterAll(() => scratch.remove());

describe('the same tree is found inside other layers', () => {
  let plain = '';
  let digest = '';
  beforeAll(() => {
    if (missing(recipe) === '') ({ image: plain, digest } = build(recipe));
  });

  it('an MBR partition', async (context) => {
    const image = partitioned(context, 'mbr', 'label: dos\nstart=2048, size=65536, type=83\n');
    await expectTreeIn(context, new FileDevice(image), ['mbr', 'partition', 'ext4']);
  });

  it('a logical partition', async (context) => {
    const image = partitioned(context, 'logical', 'label: dos\nstart=2048, size=2048, type=83\nstart=6144, size=90112, type=5\nstart=10240, size=65536, type=83\n', 10240);
    await expectTreeIn(context, new FileDevice(image), ['mbr', 'partition', 'ext4']);
  });

  it('a GPT partition', async (context) => {
    const image = partitioned(context, 'gpt', 'label: gpt\nstart=2048, size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n');
    await expectTreeIn(context, new FileDevice(image), ['gpt', 'partition', 'ext4']);
  });

  it('gzip', async (context) => {
    needPlain(context);
    const image = join(scratch.path, 'image.gz');
    writeFileSync(image, execFileSync('gzip', ['-nc', plain], { maxBuffer: 1 << 30 }));
    await expectTreeIn(context, new FileDevice(image), ['gzip', 'ext4']);
  });

  it('parts of a split image', async (context) => {
    needPlain(context);
    const bytes = readFileSync(plain);
    const parts = [0, 1, 2].map((i) => {
      const part = join(scratch.path, `split.00${i + 1}`);
      // Odd sizes: structures lie across the borders.
      writeFileSync(part, bytes.subarray(i * 10_000_001, i === 2 ? undefined : (i + 1) * 10_000_001));
      return new FileDevice(part);
    });
    await expectTreeIn(context, new ConcatDevice(parts), ['ext4']);
  });

  /** An image of 64 MiB with a table as sfdisk makes it and the plain image in the partition that starts at `start` (in sectors). */
  function partitioned(context: TestContext, name: string, table: string, start = 2048): string {
    needPlain(context);
    const reason = missingTools('sfdisk');
    if (reason !== undefined) skip(context, reason);
    const image = join(scratch.path, name);
    rmSync(image, { force: true });
    const to = openSync(image, 'w+');
    ftruncateSync(to, 64 * MIB);
    const from = openSync(plain, 'r');
    const chunk = new Uint8Array(MIB);
    for (let at = 0; at < statSync(plain).size; at += MIB) writeSync(to, chunk, 0, readSync(from, chunk, 0, MIB, at), start * 512 + at);
    closeSync(from);
    closeSync(to);
    run('sfdisk', ['-q', '--wipe', 'never', image], table);
    return image;
  }

  async function expectTreeIn(context: TestContext, device: BlockDevice, formats: readonly string[]): Promise<void> {
    const reference = truth(plain, { digest });
    if ('refused' in reference) skip(context, reference.refused);
    const opened = await openImage(device);
    const way: string[] = [];
    for (let layer = opened.layers; ;) {
      way.push(layer.format);
      const next = layer.children.find((child) => child.volume === undefined || child.children.some((inner) => inner.filesystem !== undefined));
      if (next === undefined) break;
      layer = next;
    }
    expect(way).toEqual(formats);
    expect(compareWalks(reference.entries, await walk(opened.fs)).differences).toEqual([]);
    await opened.close();
  }
});

function needPlain(context: TestContext): void {
  const reason = missing(recipe);
  if (reason !== '') skip(context, reason);
}
