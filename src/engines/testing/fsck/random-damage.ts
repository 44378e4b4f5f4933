import { random } from '../fuzz/random.ts';
import { Mutable } from '../fuzz/mutate.ts';
import { loadSeeds } from '../fuzz/seeds.ts';
import { ext4Targets } from '../fuzz/ext4-targets.ts';
import { scratchFolder } from '../tools.ts';
import { compareBytes, type Comparison, differences } from './compare.ts';
import { sample, type Shape, SHAPES } from './damage.ts';

/** Which damaged images are made: number `first` and those behind it; the same seed and number give the same image. */
export interface RandomDamage {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  /** Parts of names of the sound images that are damaged; none = all. */
  readonly words: readonly string[];
  /** What becomes of each, with what was done to it. `image` is good until the promise is kept. */
  readonly each: (found: Comparison, wrong: readonly string[], damage: string, image: Uint8Array) => Promise<void> | void;
}

/** Damages sound images of every feature at random, mostly in fields of their structures, and has both checkers look at each. */
export async function randomDamage({ seed, first, count, words, each }: RandomDamage): Promise<void> {
  const images: (readonly [name: string, image: Mutable])[] = [
    ...loadSeeds().seeds.filter(({ name }) => !/^(e2fsprogs |gpt|mbr|gzip)/.test(name)).map(({ name, image }) => [name, image] as const),
    ...(Object.keys(SHAPES) as Shape[]).map((shape) => [`sample-${shape}`, mutable(sample(shape))] as const),
  ].filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));
  const folder = scratchFolder();
  try {
    for (let number = first; number < first + count; number++) {
      const [name, image] = images[number % images.length]!;
      const damage = image.mutate(random(seed, number));
      try {
        const found = await compareBytes(`${name} ${number}`, image.image, folder.path, 'engine');
        await each(found, differences(found), damage, image.image);
      } finally {
        image.restore();
      }
    }
  } finally {
    folder.remove();
  }
}

const mutable = (bytes: Uint8Array): Mutable => new Mutable(bytes, ext4Targets(bytes));
