import type { Maybe } from '../../core/filesystem.ts';

/** Goes on at once with a value that is there, and later with one that comes later. */
export function after<T, R>(value: Maybe<T>, run: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(run) : run(value);
}
