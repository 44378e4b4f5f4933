import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byBytes } from './build/cpio.ts';
import { Elf } from './build/elf.ts';
import { modulesByType, toolPackages } from './build/build.ts';
import { readBuilt } from './catalogue.ts';
import { builtGuest } from './testing/built.ts';

// The only test that asks the real mirror: it builds the guest that all others share.
const answer = await builtGuest('linux-6.12');

describe.skipIf('reason' in answer)('linux-6.12, built from Debian\'s archive', () => {
  const { guest } = answer as Exclude<typeof answer, { reason: string }>;

  it('has all that its manifest names', () => {
    const built = readBuilt(guest.files)!;
    expect(Object.keys(built.filesystems)).toEqual([...modulesByType(guest.manifest).keys()].toSorted(byBytes));
    expect(Object.keys(built.tools)).toEqual([...toolPackages(guest.manifest).keys()].toSorted(byBytes));
    expect(built.kernelVersion).toMatch(/^6\.12\./);
    expect(built.packages.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
  });

  it('has a kernel that starts through PVH', () => {
    // Xen's note of the 32-bit entry (XEN_ELFNOTE_PHYS32_ENTRY, 18): name "Xen", four or eight bytes of address.
    const kernel = readFileSync(join(guest.files, 'kernel'));
    expect(() => new Elf(kernel, 'kernel')).not.toThrow();
    expect([4, 8].some((length) => kernel.includes(Buffer.concat([Buffer.from([4, 0, 0, 0, length, 0, 0, 0, 18, 0, 0, 0]), Buffer.from('Xen\0')])))).toBe(true);
  });
});
