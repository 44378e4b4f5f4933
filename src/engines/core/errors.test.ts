import { describe, expect, it } from 'vitest';
import { cancelled, corrupt, DiskError, type Fault, ioError, isDiskError, toDiskError, unsupported, usage } from './errors.ts';

const FAULTS: Fault[] = [
  { kind: 'usage', errno: 'ENOENT' }, { kind: 'io' }, { kind: 'io', place: { structure: 'device', at: 5, length: 3 } }, { kind: 'unsupported', feature: 'compression' },
  { kind: 'corrupt', place: { structure: 'inode 12', at: 4096, length: 256 } }, { kind: 'locked', what: 'LUKS' }, { kind: 'dirty' }, { kind: 'busy', by: 'mount' },
  { kind: 'cancelled' }, { kind: 'timeout', ms: 2000 }, { kind: 'guest', guest: 'linux-6.12' },
];

describe('DiskError', () => {
  it.each(FAULTS)('$kind crosses JSON and structured clone whole', (fault) => {
    const error = new DiskError(fault, 'what happened', 'what to do');
    expect(DiskError.from(JSON.parse(JSON.stringify(error)))).toEqual(error);
    const crossed = DiskError.from(structuredClone(error.toJSON()));
    expect(crossed.toJSON()).toEqual({ fault, message: 'what happened', advice: 'what to do' });
    expect(crossed.kind).toBe(fault.kind);
    expect(new DiskError(fault, 'no advice').toJSON()).toEqual({ fault, message: 'no advice' });
  });

  it('is made with its place in the message', () => {
    expect(corrupt('inode 12', 'the checksum is wrong', 4096, 256)).toMatchObject({ message: 'inode 12 at byte 4096: the checksum is wrong', fault: { kind: 'corrupt', place: { structure: 'inode 12', at: 4096, length: 256 } } });
    expect(corrupt('GPT', 'gone').fault).toEqual({ kind: 'corrupt', place: { structure: 'GPT' } });
    expect(unsupported('casefold', 'no').kind).toBe('unsupported');
    expect(usage('ENOTDIR', 'no folder').fault).toEqual({ kind: 'usage', errno: 'ENOTDIR' });
    expect(ioError('gone').fault).toEqual({ kind: 'io' });
    expect(cancelled().kind).toBe('cancelled');
  });

  it('is known by what it has, not by its class alone', () => {
    const other = Object.assign(new Error('from another copy of the module'), { name: 'DiskError', fault: { kind: 'io' } });
    expect(isDiskError(other)).toBe(true);
    expect(isDiskError(new Error('plain'))).toBe(false);
    expect(isDiskError({ name: 'DiskError', fault: { kind: 'io' } })).toBe(false);
  });

  it('is made of anything thrown, which is kept as the cause', () => {
    const error = cancelled();
    expect(toDiskError(error)).toBe(error);
    const bug = new TypeError('x is undefined');
    expect(toDiskError(bug)).toMatchObject({ fault: { kind: 'io' }, message: 'x is undefined', cause: bug });
    expect(toDiskError('text')).toMatchObject({ message: 'text', cause: 'text' });
    expect(toDiskError(bug).toJSON()).toEqual({ fault: { kind: 'io' }, message: 'x is undefined' });
  });
});
