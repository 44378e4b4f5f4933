import * as v from 'valibot';
import type { SourceToken } from './calls.ts';

/** What the window tells the app about itself: its commands for a native menu, and its tabs for the next start. */

const short = v.pipe(v.string(), v.maxLength(128));

export const menu = v.strictObject({
  groups: v.pipe(v.array(v.strictObject({
    id: short,
    label: short,
    items: v.pipe(v.array(v.strictObject({
      id: short,
      label: short,
      /** As the window writes them: "Mod+Shift+E". */
      keys: v.optional(short),
      enabled: v.boolean(),
      /** Absent: no toggle. */
      checked: v.optional(v.boolean()),
    })), v.maxLength(128)),
  })), v.maxLength(16)),
});
export type Menu = v.InferOutput<typeof menu>;

/** Tabs that a session keeps. */
export const MAX_TABS = 64;

/** Where a tab is: the page of a layer, or with a path a folder of it. */
const place = v.strictObject({
  layer: v.pipe(v.string(), v.maxLength(256), v.regex(/^\d+(\/\d+)*$/)),
  path: v.optional(v.pipe(v.string(), v.maxLength(65536))),
});
export type SessionPlace = v.InferOutput<typeof place>;

/** As it is kept; on the privileged side a path stands in the place of each token. */
const sessionTab = v.strictObject({ token: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)), place: v.optional(place) });
const keptTab = v.object({ image: v.pipe(v.string(), v.minLength(1), v.maxLength(65536)), place: v.optional(v.fallback(v.optional(place), undefined)) });

const active = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(MAX_TABS));
export const sessionState = v.strictObject({ tabs: v.pipe(v.array(sessionTab), v.maxLength(MAX_TABS)), active: v.optional(active) });
export const keptSession = v.object({ version: v.literal(1), tabs: v.pipe(v.array(keptTab), v.maxLength(MAX_TABS)), active: v.optional(active) });
export type KeptSession = v.InferOutput<typeof keptSession>;

export interface Session {
  readonly tabs: readonly { readonly source: SourceToken; readonly place?: SessionPlace | undefined }[];
  /** Which of them was shown; none: the start page. */
  readonly active?: number | undefined;
}
