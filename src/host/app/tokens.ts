import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { usage } from '../../engines/core/errors.ts';
import type { SourceToken } from '../../shared/contract/calls.ts';
import { parseSetPath, setName } from '../sources/set-path.ts';

/** What a token may be used for: a page that was given an image to read must not write into it as a folder. */
export type TokenUse = 'source' | 'folder' | 'put';

/**
 * Words for paths of this computer. A page gets a word for each path that the person chose, and can name no other path.
 * Words are 128 random bits, one a path and use, and good for as long as the program runs.
 */
export class TokenStore {
  readonly #paths = new Map<string, { readonly path: string; readonly use: TokenUse }>();
  readonly #tokens = new Map<string, string>();

  /** @param path absolute */
  tokenOf(path: string, use: TokenUse): SourceToken {
    const key = `${use}:${path}`;
    let token = this.#tokens.get(key);
    if (token === undefined) {
      token = randomBytes(16).toString('hex');
      this.#tokens.set(key, token);
      this.#paths.set(token, { path, use });
    }
    return { token, name: nameOf(path), path };
  }

  /** @throws DiskError usage EACCES for a word that was never given out, or not for this */
  pathOf(token: string, use: TokenUse): string {
    const found = this.#paths.get(token);
    if (found?.use !== use) throw usage('EACCES', 'That file or folder was not chosen in this window', 'Choose it again.');
    return found.path;
  }
}

function nameOf(path: string): string {
  const images = parseSetPath(path);
  return images === undefined ? basename(path) : setName(images.map((each) => basename(each)));
}
