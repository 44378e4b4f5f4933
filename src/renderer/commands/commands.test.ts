import { describe, expect, test } from 'vitest';
import { ariaKeys, matchesKeys, shownKeys } from './keys.ts';

const press = (key: string, ...held: ('ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey')[]) => ({ key, ctrlKey: held.includes('ctrlKey'), metaKey: held.includes('metaKey'), shiftKey: held.includes('shiftKey'), altKey: held.includes('altKey') });

describe('keys', () => {
  test('Mod is Ctrl, and Cmd on a Mac', () => {
    expect(matchesKeys(press('e', 'ctrlKey'), 'Mod+E', false)).toBe(true);
    expect(matchesKeys(press('e', 'metaKey'), 'Mod+E', false)).toBe(false);
    expect(matchesKeys(press('e', 'metaKey'), 'Mod+E', true)).toBe(true);
    expect(matchesKeys(press('e', 'ctrlKey'), 'Mod+E', true)).toBe(false);
  });

  test('every modifier counts', () => {
    expect(matchesKeys(press('E', 'ctrlKey', 'shiftKey'), 'Mod+E', false)).toBe(false);
    expect(matchesKeys(press('Enter', 'altKey'), 'Alt+Enter', false)).toBe(true);
    expect(matchesKeys(press('Enter'), 'Alt+Enter', false)).toBe(false);
    expect(matchesKeys(press(' '), ' ', false)).toBe(true);
  });

  test('are spelled as the system does', () => {
    expect(shownKeys('Mod+Shift+C', false)).toBe('Ctrl+Shift+C');
    expect(shownKeys('Mod+Shift+C', true)).toBe('⌘⇧C');
    expect(shownKeys('Alt+ArrowLeft', false)).toBe('Alt+←');
    expect(shownKeys(' ', false)).toBe('Space');
    expect(ariaKeys('Mod+E', false)).toBe('Control+E');
  });
});
