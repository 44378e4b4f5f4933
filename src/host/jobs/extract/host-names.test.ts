import { describe, expect, it } from 'vitest';
import { decodeName, encodeName } from '../../../engines/core/names.ts';
import { besideName, hostName } from './host-names.ts';

describe('hostName', () => {
  it.each([
    ['.', '_'], ['..', '__'], ['', '_'], ['a/b', 'a_b'], ['/etc/passwd', '_etc_passwd'], ['a\0b', 'a_b'], ['../../x', '.._.._x'],
  ])('never leaves the folder: %j', (name, expected) => {
    expect(hostName(name, 'posix')).toEqual({ name: expected, reason: expect.any(String) });
  });

  it('keeps every other name on POSIX systems, bytes and all', () => {
    for (const name of ['a', '...', 'con', 'a:b', 'x ', 'a\nb', '-rf', '~', decodeName(Uint8Array.of(0x67, 0xfc, 0xff))]) {
      expect(hostName(name, 'posix')).toEqual({ name, reason: undefined });
    }
  });

  it.each([
    ['CON', '_CON'], ['aux.txt', '_aux.txt'], ['com1', '_com1'], ['COM¹.log', '_COM¹.log'], ['nul .x', '_nul .x'], ['conin$', '_conin$'],
    ['a.', 'a_'], ['a. .', 'a___'], ['a:b', 'a_b'], ['a\\b', 'a_b'], ['what?', 'what_'], ['tab\there', 'tab_here'],
    [decodeName(Uint8Array.of(0x61, 0xff)), 'a%FF'],
  ])('keeps to the rules of Windows: %j', (name, expected) => {
    expect(hostName(name, 'win32')).toEqual({ name: expected, reason: expect.any(String) });
  });

  it('leaves alone what only looks reserved', () => {
    for (const name of ['console', 'com10', 'auxiliary.txt', 'lpt', '.con']) expect(hostName(name, 'win32').reason).toBeUndefined();
  });

  it('shortens long names between characters, and keeps the extension', () => {
    const { name } = hostName(`${'ü'.repeat(200)}.tar`, 'posix');
    expect(encodeName(name).length).toBeLessThanOrEqual(255);
    expect(name).toBe(`${'ü'.repeat(125)}.tar`);
    expect(hostName('x'.repeat(255), 'posix').reason).toBeUndefined();
    expect(hostName('x'.repeat(300), 'win32').name).toHaveLength(255);
  });

  it('numbers a second name before its extension', () => {
    expect(besideName('a.txt', 2, 'posix')).toBe('a (2).txt');
    expect(besideName('.profile', 3, 'posix')).toBe('.profile (3)');
    expect(besideName('x'.repeat(255), 2, 'posix')).toBe(`${'x'.repeat(251)} (2)`);
  });
});
