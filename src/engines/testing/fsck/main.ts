import { writeFileSync } from 'node:fs';
import { sharedExtImages, type SharedImage } from '../recipes/shared.ts';
import { scratchFolder } from '../tools.ts';
import { ACCEPTED, UNANSWERED } from './accepted.ts';
import { compare, type Comparison, differences } from './compare.ts';
import { randomDamage } from './random-damage.ts';

/** Lines of a report that are shown of one image. */
const MOST_LINES = 60;

export interface Wanted {
  /** Parts of image names; none = all. */
  readonly words: readonly string[];
  /** Other images instead. */
  readonly images: readonly string[];
  readonly verbose: boolean;
  /** Leaves the comparison of files out. */
  readonly quick: boolean;
  /** So many randomly damaged images instead, from number `from` of those of `seed` on; `keep` = where the last one that differs is written. */
  readonly damage?: { readonly count: number; readonly seed: number; readonly from: number; readonly keep?: string };
}

/** Prints the table of both checkers over the damaged images. @returns the exit status */
export async function main(wanted: Wanted): Promise<number> {
  const { words, images, verbose, quick, damage } = wanted;
  if (damage !== undefined) return atRandom(wanted, damage);
  const fixtures: SharedImage[] = images.length > 0
    ? images.map((file) => ({ name: file, files: [file] }))
    : sharedExtImages().filter(({ name }) => name.startsWith('e2fsprogs/') && (words.length === 0 || words.some((word) => name.includes(word))));
  const folder = scratchFolder();
  let agree = 0;
  let differ = 0;
  let repairable = 0;
  let clean = 0;
  try {
    for (const fixture of fixtures) {
      const found = await compare(fixture, folder.path, quick ? 'nobody' : 'debugfs');
      const wrong = differences(found);
      const { theirs, ours, after } = found;
      const accepted = wrong.length > 0 ? ACCEPTED[found.name] : undefined;
      const reason = accepted ?? UNANSWERED[found.name];
      if (wrong.length === 0) agree++;
      if (accepted !== undefined) differ++;
      if (theirs.fixed === 'clean' || theirs.fixed === 'corrected') {
        repairable++;
        if (after === 'clean') clean++;
      }
      console.log(`${wrong.length === 0 ? 'ok ' : accepted === undefined ? 'NOT' : 'dif'} ${found.name.padEnd(34)} e2fsck ${theirs.dry}/${theirs.fixed}/${theirs.again}  ours ${ours.dry.exit}/${ours.fixed.exit}/${ours.again.exit} -> ${after}  ${Math.round(ours.fixed.time)} ms`);
      for (const line of wrong) console.log(`      ${line}`);
      if (reason !== undefined) console.log(`      reason: ${reason}`);
      if (verbose || fixtures.length === 1) details(found);
    }
  } finally {
    folder.remove();
  }
  console.log(`${agree} of ${fixtures.length} agree, ${differ} differ for a reason; of ${repairable} that e2fsck repairs, ${clean} are clean to it after our repair`);
  return agree + differ === fixtures.length ? 0 : 1;
}

async function atRandom({ words, verbose }: Wanted, { count, seed, from, keep }: NonNullable<Wanted['damage']>): Promise<number> {
  let agree = 0;
  await randomDamage({
    seed, first: from, count, words,
    each: (found, wrong, done, image) => {
      if (wrong.length === 0) agree++;
      if (wrong.length === 0 && !verbose) return;
      const { theirs, ours, after } = found;
      console.log(`${wrong.length === 0 ? 'ok ' : 'NOT'} --seed ${seed} --from ${found.name.replace(/^(.*) (\d+)$/, '$2 $1')}  e2fsck ${theirs.dry}/${theirs.fixed}/${theirs.again}  ours ${ours.dry.exit}/${ours.fixed.exit}/${ours.again.exit} -> ${after}  (${done})`);
      for (const line of wrong) console.log(`      ${line}`);
      if (verbose) details(found);
      if (keep !== undefined) writeFileSync(keep, image);
    },
  });
  console.log(`${agree} of ${count} agree`);
  return agree === count ? 0 : 1;
}

function details({ ours, words }: Comparison): void {
  for (const [title, { result, findings }] of [['dry run', ours.dry], ['repair', ours.fixed], ['second repair', ours.again]] as const) {
    console.log(`   ${title}: ${result.state} ${result.error?.message ?? ''}`);
    for (const { code, message, repaired } of findings.slice(0, MOST_LINES)) console.log(`      ${repaired ? 'repaired' : 'found   '} ${code}: ${message}`);
  }
  console.log(words.split('\n').slice(0, MOST_LINES).map((line) => `      | ${line}`).join('\n'));
}
