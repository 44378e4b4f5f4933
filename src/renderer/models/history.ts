/** What a place looked like when it was left. */
export interface Memory<M> {
  readonly memory?: M | undefined;
}

export interface Visit<P, M> extends Memory<M> {
  readonly place: P;
}

/** Where a tab was, is, and was before it went back. */
export interface History<P, M> {
  readonly past: readonly Visit<P, M>[];
  readonly present: Visit<P, M>;
  readonly future: readonly Visit<P, M>[];
}

/** Steps kept. */
const LIMIT = 200;

export function startAt<P, M>(place: P, memory?: M): History<P, M> {
  return { past: [], present: memory === undefined ? { place } : { place, memory }, future: [] };
}

/** Goes somewhere new; what lay ahead is forgotten. */
export function visit<P, M>(history: History<P, M>, place: P, leaving: M | undefined): History<P, M> {
  return { past: [...history.past, { ...history.present, memory: leaving }].slice(-LIMIT), present: { place }, future: [] };
}

/** One step back (or `undefined` when there is none), keeping how the place left looked. */
export function back<P, M>(history: History<P, M>, leaving: M | undefined): History<P, M> | undefined {
  const present = history.past.at(-1);
  if (present === undefined) return undefined;
  return { past: history.past.slice(0, -1), present, future: [{ ...history.present, memory: leaving }, ...history.future] };
}

export function forward<P, M>(history: History<P, M>, leaving: M | undefined): History<P, M> | undefined {
  const [present, ...future] = history.future;
  if (present === undefined) return undefined;
  return { past: [...history.past, { ...history.present, memory: leaving }], present, future };
}
