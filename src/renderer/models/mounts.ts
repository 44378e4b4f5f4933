import type { MountProviderRow, MountRow, MountStats } from '../../shared/contract/mounts.ts';

/** The ways to mount that can be used here, the best first. */
export function usable(providers: readonly MountProviderRow[]): MountProviderRow[] {
  return providers.filter(({ available }) => available.ok);
}

/** Why nothing here mounts: what the best way lacks. Undefined where something does, or nothing is known yet. */
export function whyNone(providers: readonly MountProviderRow[] | undefined): string | undefined {
  if (providers === undefined || usable(providers).length > 0) return undefined;
  for (const { title, available } of providers) if (!available.ok) return `${title}: ${available.reason}`;
  return '';
}

/** Whether mounts are the same to everybody who does not show what they are asked for: activity alone differs. */
export function sameMounts(a: readonly MountRow[], b: readonly MountRow[]): boolean {
  return a.length === b.length && a.every((row, i) => {
    const other = b[i]!;
    return row.mount === other.mount && row.layer === other.layer && row.provider === other.provider && row.at === other.at && row.mounted === other.mounted && row.advice === other.advice && row.write === other.write && row.state === other.state;
  });
}

/** The mounts of a layer, or of what lies in it. */
export function mountsWithin(mounts: readonly MountRow[] | undefined, layer: string): MountRow[] {
  return (mounts ?? []).filter((row) => row.layer === layer || row.layer.startsWith(`${layer}/`));
}

/** The mount of a layer that is of use: one that only waits for others to let it go is none. */
export function mountOf(mounts: readonly MountRow[] | undefined, layer: string): MountRow | undefined {
  return mounts?.find((row) => row.layer === layer && row.state !== 'leaving');
}

/** Nothing was ever asked of it. */
export function isQuiet({ bytesRead, bytesWritten, open }: MountStats, speed: number): boolean {
  return bytesRead === 0 && bytesWritten === 0 && open === 0 && speed < 1;
}

/** Permission bits that octal digits spell, up to three of them; undefined when they spell none. */
export function parseUmask(text: string): number | undefined {
  return /^0?[0-7]{1,3}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}
