import { describe, expect, test } from 'vitest';
import { texts } from '../texts/index.ts';
import { commands, GROUPS } from './index.ts';
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

describe('the list of commands', () => {
  test('has a label for each and no id twice, and every group has its place in the menu', () => {
    for (const { id, label, group } of commands) {
      expect(label, id).toMatch(/\S/);
      expect(GROUPS, id).toContain(group);
    }
    const ids = commands.map(({ id }) => id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(GROUPS.toSorted()).toEqual(Object.keys(texts.groups).toSorted());
  });

  // A list's own keys are pressed where those of the window work, too: they must differ from both.
  test('gives no two the same keys, on no system', () => {
    for (const mac of [false, true]) {
      const keys = commands.flatMap((command) => command.keys.map((each) => [shownKeys(each, mac), command.id] as const));
      const twice = keys.filter(([each], i) => keys.findIndex(([other]) => other === each) !== i);
      expect(twice, mac ? 'Mac' : 'others').toEqual([]);
    }
  });

  test('takes no labels for two in one group', () => {
    const names = commands.map(({ group, label }) => `${group}: ${label}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
