import * as v from 'valibot';
import { type Settings, settingsSchema, type SettingsPatch } from '../../shared/contract/settings.ts';
import { readJson, writeJson } from './json-file.ts';

/** The settings, in one readable file. Keys that this version does not know stay in it for the one that does. */
export class SettingsStore {
  readonly #file: string;
  #kept: Record<string, unknown>;

  /** @param file path of the JSON file; it is made when something is first changed */
  constructor(file: string) {
    this.#file = file;
    this.#kept = recordOf(readJson(file));
  }

  get(): Settings {
    return v.parse(settingsSchema, this.#kept);
  }

  /** @throws Error of the system's, when the file can't be written; the change counts for this run all the same */
  set(patch: SettingsPatch): Settings {
    // The file may have been edited by hand meanwhile: only what is changed here is changed there.
    const there = readJson(this.#file);
    this.#kept = { ...(there === undefined ? this.#kept : recordOf(there)), ...patch };
    writeJson(this.#file, this.#kept);
    return this.get();
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
