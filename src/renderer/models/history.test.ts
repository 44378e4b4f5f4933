import { describe, expect, test } from 'vitest';
import { back, forward, startAt, visit } from './history.ts';

describe('history', () => {
  test('goes back and forward, and gives back how a place looked', () => {
    const home = startAt<string, number>('/');
    const etc = visit(home, '/etc', 11);
    const ssl = visit(etc, '/etc/ssl', 22);
    const again = back(ssl, 33)!;
    expect(again.present).toEqual({ place: '/etc', memory: 22 });
    const first = back(again, 44)!;
    expect(first.present).toEqual({ place: '/', memory: 11 });
    expect(back(first, undefined)).toBeUndefined();
    const ahead = forward(forward(first, 55)!, 66)!;
    expect(ahead.present).toEqual({ place: '/etc/ssl', memory: 33 });
    expect(ahead.past.map((each) => each.memory)).toEqual([55, 66]);
    expect(forward(ahead, undefined)).toBeUndefined();
  });

  test('a new place forgets what lay ahead', () => {
    const history = visit(back(visit(startAt<string, number>('/'), '/a', undefined), undefined)!, '/b', undefined);
    expect(history.future).toEqual([]);
    expect(history.past.map((each) => each.place)).toEqual(['/']);
  });

  test('does not grow for ever', () => {
    let history = startAt<number, number>(0);
    for (let place = 1; place < 1000; place++) history = visit(history, place, undefined);
    expect(history.past).toHaveLength(200);
    expect(history.past.at(-1)?.place).toBe(998);
  });
});
