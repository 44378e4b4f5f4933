/** Reproducible random numbers (sfc32 of PractRand): the same seed gives the same mutations on every machine. */
export interface Random {
  /** 0 ≤ n < limit; limit ≤ 2^32. */
  below(limit: number): number;
  /** True in one of `n` cases. */
  oneIn(n: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** @param stream tells the images of one run apart */
export function random(seed: number, stream: number): Random {
  let a = seed | 0;
  let b = stream | 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return { below, oneIn: (n) => below(n) === 0, pick: (from) => from[below(from.length)]! };
}
