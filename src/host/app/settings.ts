import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { type Settings, settingsSchema, type SettingsPatch } from '../../shared/contract/settings.ts';
import { keepDamaged, readJson, writeJson } from './json-file.ts';

/** Milliseconds of quiet before a file that is being written is read: an editor writes in several steps. */
const SETTLED_AFTER = 150;

/** The settings, in one readable file. Keys that this version does not know stay in it for the one that does. */
export class SettingsStore {
  readonly file: string;
  #kept: Record<string, unknown>;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param file path of the JSON file; it is made when something is first changed */
  constructor(file: string) {
    this.file = file;
    this.#kept = recordOf(readJson(file));
  }

  get(): Settings {
    return v.parse(settingsSchema, this.#kept);
  }

  /** @throws Error of the system's, when the file can't be written; the change counts for this run all the same */
  set(patch: SettingsPatch): Settings {
    this.#change((kept) => ({ ...kept, ...patch }));
    return this.get();
  }

  /** Makes the file with all settings in it, for people who want to edit it. */
  keep(): void {
    this.#change((kept) => ({ ...v.parse(settingsSchema, kept), ...kept }));
  }

  /**
   * Takes over what people change in the file, and tells of it. The folder is watched, because a file that is saved is often a new one under
   * the old name. Where the system can't watch, changes count from the next start on.
   */
  watch(changed: () => void): void {
    try {
      mkdirSync(dirname(this.file), { recursive: true });
      this.#watcher = watch(dirname(this.file), { persistent: false }, (_event, name) => {
        if (name !== null && name !== basename(this.file)) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#read(changed), SETTLED_AFTER).unref();
      });
      this.#watcher.on('error', () => this.close());
    } catch {
      // The folder can't be made or watched: the settings of the start stay.
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** The file may have been edited by hand meanwhile: only what is changed here is changed there. */
  #change(make: (kept: Record<string, unknown>) => Record<string, unknown>): void {
    const there = readJson(this.file);
    this.#kept = make(there === undefined ? this.#kept : recordOf(there));
    if (there === undefined) keepDamaged(this.file);
    writeJson(this.file, this.#kept);
  }

  #read(changed: () => void): void {
    const there = readJson(this.file);
    // Half written, or broken by hand: what counted so far goes on.
    if (there === undefined) return;
    const before = this.get();
    this.#kept = recordOf(there);
    if (!isDeepStrictEqual(before, this.get())) changed();
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
