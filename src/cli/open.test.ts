import { describe, expect, it } from 'vitest';
import { fakeGuest } from '../host/guests/testing/fake-machine.ts';
import { coldStartHint } from './open.ts';

describe('a guest that had to boot', () => {
  const guest = fakeGuest('linux-6.12');
  const { manifest } = guest;

  it('is said to start faster once its state is saved, by the command that saves it', () => {
    expect(coldStartHint({ guest, start: 'cold' }, 'xfs')).toBe('Fake linux-6.12 had to boot; after “clutch guests warm linux-6.12 xfs” it starts in less than a second');
  });

  it('is not, where it did start so, no state helps, or it is no filesystem of its own', () => {
    expect(coldStartHint(undefined, 'xfs')).toBeUndefined();
    expect(coldStartHint({ guest, start: 'warm' }, 'xfs')).toBeUndefined();
    expect(coldStartHint({ guest, start: 'cold' }, 'procfs')).toBeUndefined();
    expect(coldStartHint({ guest: { ...guest, manifest: { ...manifest, machine: { ...manifest.machine, warm: false } } }, start: 'cold' }, 'xfs')).toBeUndefined();
    expect(coldStartHint({ guest: { ...guest, manifest: { ...manifest, system: 'other' } }, start: 'cold' }, 'xfs')).toBeUndefined();
  });
});
