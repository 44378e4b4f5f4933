import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Fields, type StructType, u64 as bigU64 } from '../../core/layout/struct.ts';
import { layoutProblems } from '../../testing/layouts.ts';
import { skip } from '../../testing/oracle/check.ts';
import { missingTools, run, scratchFolder } from '../../testing/tools.ts';
import { decodeDevice, encodeDevice, getTime, putTime } from './attributes.ts';
import * as layout from './layout.ts';
import { getU64, putU64 } from './layout.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });

const structures = (Object.values(layout) as unknown[]).filter((each): each is StructType<Fields> => typeof each === 'object' && each !== null && 'fields' in each && typeof (each as StructType<Fields>).size === 'number');

/** Where the header names a field otherwise. */
const NAMES: Readonly<Record<string, string>> = { unique_low: 'unique' };
const IN_STATX: Readonly<Record<string, string>> = Object.fromEntries(['atime', 'btime', 'ctime', 'mtime'].flatMap((name) => [[name, `${name}.tv_sec`], [`${name}nsec`, `${name}.tv_nsec`]]));

/** Those that came after 7.38, with the version that brought them. */
const LATER: Readonly<Record<string, number>> = { fuse_statx_in: 39, fuse_statx_out: 39, fuse_statx: 39 };

describe('messages of FUSE', () => {
  it.each(structures.map((each) => [each.name, each] as const))('%s has no overlaps and reads back what is written', (_, structure) => {
    // A number of ours holds 53 bits; all 64 are tried with a field of the same place.
    const fields = Object.fromEntries(Object.entries(structure.fields).map(([name, field]) => [name, field.type === 'u64' ? bigU64(field.offset) : field]));
    expect(layoutProblems({ ...structure, fields, at: (bytes, at = 0) => wide(fields, bytes, at), over: structure.over })).toEqual([]);
  });

  it('lie where the kernel\'s header has them', (context) => {
    const missing = missingTools('gcc');
    if (missing !== undefined) skip(context, missing);
    if (!existsSync('/usr/include/linux/fuse.h')) skip(context, 'linux/fuse.h is not installed');
    const lines = structures.filter(({ name }) => !name.includes('statfs')).flatMap(({ name, size, fields }) => {
      const type = name.replace(/ .*/, '');
      const checks = Object.entries(fields).filter(([field]) => field !== 'unique_high').map(([field, { offset }]) => {
        const spelled = type === 'fuse_statx' ? IN_STATX[field] ?? field : NAMES[field] ?? field;
        return `if (offsetof(struct ${type}, ${spelled}) != ${offset}) puts("${type}.${field}");`;
      });
      // Where one version made it longer, the older one has its length before the plus.
      const whole = structures.some((other) => other !== undefined && other.name.startsWith(`${type} (`)) && name === type ? [] : [`if (sizeof(struct ${type}) != ${size}) puts("${type} has another size");`];
      return [`#if FUSE_KERNEL_MINOR_VERSION >= ${LATER[type] ?? 38}`, ...checks, ...whole, '#endif'];
    });
    const source = join(scratch.path, 'layout.c');
    writeFileSync(source, `#include <stddef.h>\n#include <stdio.h>\n#include <linux/fuse.h>\nint main(void) {\n${lines.join('\n')}\nputs("checked");\nreturn 0;\n}\n`);
    run('gcc', ['-o', join(scratch.path, 'layout'), source]);
    // Every header that has all of them says the same; older ones are looked at in part.
    expect(execFileSync(join(scratch.path, 'layout'), { encoding: 'utf8' })).toBe('checked\n');
  });

  it('hold numbers of 64 bits as far as ours go, and times of both sides of 1970', () => {
    const view = new DataView(new ArrayBuffer(16));
    for (const value of [0, 1, 0xffff_ffff, 0x1_0000_0000, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER]) {
      putU64(view, 3, value);
      expect([getU64(view, 3), view.getBigUint64(3, true)]).toEqual([value, BigInt(value)]);
    }
    view.setBigUint64(0, 2n ** 64n - 1n);
    expect(Number.isSafeInteger(getU64(view, 0))).toBe(false);
    const [low, high] = [-(2n ** 63n), 2n ** 63n - 1n];
    const times = [0n, 1n, -1n, 999_999_999n, 1_000_000_000n, -1_000_000_000n, -999_999_999n, -1_000_000_001n, 1_700_000_000_123_456_789n, low, high, low + 1n];
    for (let time = low; time < high; time += 12_345_678_901_234_567n) times.push(time);
    for (const time of times) {
      putTime(view, 0, 8, time);
      const nanoseconds = view.getUint32(8, true);
      expect(nanoseconds).toBeLessThan(1e9);
      expect(getTime(view, 0, nanoseconds)).toBe(time);
    }
  });

  it('spell devices as the kernel does', () => {
    // makedev(259, 70000) in new_encode_dev.
    expect(encodeDevice({ major: 259, minor: 70_000 })).toBe((0x70 | (259 << 8) | (0x111 << 20)) >>> 0);
    for (const device of [{ major: 0, minor: 0 }, { major: 8, minor: 1 }, { major: 4095, minor: 2 ** 20 - 1 }]) expect(decodeDevice(encodeDevice(device))).toEqual(device);
  });
});

/** A view with other fields than the declaration's own. */
function wide(fields: Fields, bytes: Uint8Array, at: number): never {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const made = {};
  for (const [name, field] of Object.entries(fields)) Object.defineProperty(made, name, { get: () => field.get(view, at + field.offset) as unknown, set: (value: unknown) => { field.set(view, at + field.offset, value); } });
  return made as never;
}
