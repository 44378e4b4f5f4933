import type { EntryType } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import type { WalkEntry } from './walk.ts';

/**
 * The entries of a walk as lines of JSON, each with its newline: the format of `clutch walk --json`. What an entry shares with the one
 * before it, as most of a folder do, is not spelled again.
 */
export class WalkJson {
  #folder: Name | undefined;
  #start = '';
  #type: EntryType | undefined;
  #mode = -1;
  #uid = -1;
  #gid = -1;
  #owner = '';
  #nlink = -1;
  #mtime = 0n;
  #end = '';

  line(entry: WalkEntry): string {
    const { type, target, xattrs, sha256, error } = entry;
    this.#share(entry);
    let line = this.#start + jsonText(entry.name) + (type === undefined ? '"' : this.#owner + entry.size + this.#end);
    if (target !== undefined) line += `,"target":${JSON.stringify(target)}`;
    if (xattrs !== undefined) line += `,"xattrs":{${Array.from(xattrs, ([name, value]) => `${JSON.stringify(name)}:"${hex(value)}"`).join(',')}}`;
    if (sha256 !== undefined) line += `,"sha256":"${sha256}"`;
    if (error !== undefined) line += `,"error":${JSON.stringify(error)}`;
    return `${line}}\n`;
  }

  /** Spells what is not as in the entry before: up to the name, from there to the size, and from there to the end of what all have. */
  #share({ folder, type, mode, uid, gid, nlink, mtime }: WalkEntry): void {
    if (folder !== this.#folder) {
      this.#folder = folder;
      this.#start = `{"path":"${jsonText(folder)}`;
    }
    if (type !== this.#type || mode !== this.#mode || uid !== this.#uid || gid !== this.#gid) {
      this.#type = type;
      this.#mode = mode;
      this.#uid = uid;
      this.#gid = gid;
      this.#owner = `","type":"${type}","mode":"${mode.toString(8).padStart(4, '0')}","uid":${uid},"gid":${gid},"size":`;
    }
    if (nlink !== this.#nlink || mtime !== this.#mtime) {
      this.#nlink = nlink;
      this.#mtime = mtime;
      this.#end = `,"nlink":${nlink},"mtime":"${mtime}"`;
    }
  }
}

const PLAIN = /^[ !#-[\]-~]*$/;

/** A name inside a JSON string. Bytes that are no text stand as escaped lone surrogates ("\udcff"). */
function jsonText(name: Name): string {
  return PLAIN.test(name) ? name : JSON.stringify(name).slice(1, -1);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
