import * as v from 'valibot';

/**
 * What the person chose once and for all, in one readable file (settings.json). Nothing of it leaves the machine. A value
 * that is missing or makes no sense is its default; it never spoils the others.
 */

/** The default stands in for what is missing, and for what makes no sense. */
const or = <S extends v.GenericSchema<T, T>, T>(schema: S & v.GenericSchema<T, T>, value: T) => v.optional(v.fallback(schema, value as never), value as never);

const pixels = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(10_000));
const columnId = v.pipe(v.string(), v.maxLength(64));

/** Keys that a listing can be sorted by. */
export const sortKey = v.picklist(['name', 'size', 'allocated', 'mtime', 'ctime', 'atime', 'btime', 'type', 'mode', 'owner', 'group', 'uid', 'gid', 'inode', 'links', 'flags', 'target']);

/** The columns of one format's lists. */
const columns = v.object({
  /** Ids of those shown, in order; absent: the format's own choice. */
  shown: v.optional(v.fallback(v.optional(v.pipe(v.array(columnId), v.minLength(1), v.maxLength(64))), undefined)),
  /** Chosen widths in pixels, by id. */
  widths: or(v.pipe(v.record(columnId, pixels), v.maxEntries(64)), {}),
});
export type ColumnSettings = v.InferOutput<typeof columns>;

const theme = v.picklist(['system', 'light', 'dark']);
const density = v.picklist(['compact', 'comfortable']);
const sort = v.object({ key: sortKey, descending: v.boolean() });
const usedCommands = v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(16));
const mirror = v.pipe(v.string(), v.maxLength(1024), v.regex(/^(https?:\/\/\S+)?$/));
const columnsByFormat = v.pipe(v.record(v.pipe(v.string(), v.maxLength(64)), columns), v.maxEntries(256));

export const settingsSchema = v.object({
  /** Light or dark, or as the system has it. */
  theme: or(theme, 'system'),
  /** Height of rows: 24 pixels, or 28. */
  density: or(density, 'compact'),
  sort: or(sort, { key: 'name', descending: false }),
  /** Whether hidden files are shown. */
  hidden: or(v.boolean(), false),
  sidebar: or(v.boolean(), true),
  /** Width of the sidebar in pixels; 0: a part of the window's. */
  sidebarWidth: or(pixels, 0),
  /** Ids of the commands that were chosen in the palette, the last one first. */
  usedCommands: or(usedCommands, []),
  /** The pane at the side. */
  preview: or(v.boolean(), false),
  /** Whether the images of last time are opened again at the start. */
  reopen: or(v.boolean(), true),
  /** Whether the system tells of work that ended while the window was out of sight. */
  notices: or(v.boolean(), true),
  /** Address of the mirror that guests are built from; empty: Debian's own. */
  debianMirror: or(mirror, ''),
  /** By the format of the filesystem ("ext4"). */
  columns: or(columnsByFormat, {}),
});
export type Settings = v.InferOutput<typeof settingsSchema>;

/** A change: the keys that are there. */
export const settingsPatch = v.partial(v.strictObject({
  theme, density, sort, hidden: v.boolean(), sidebar: v.boolean(), preview: v.boolean(), reopen: v.boolean(), notices: v.boolean(), columns: columnsByFormat, debianMirror: mirror, sidebarWidth: pixels, usedCommands,
}));
export type SettingsPatch = v.InferOutput<typeof settingsPatch>;

/** Each at its default. */
export const DEFAULT_SETTINGS: Settings = v.parse(settingsSchema, {});
