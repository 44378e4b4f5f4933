import type { EntryType } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import type { WalkEntry } from './walk.ts';

/**
 * The entries of a walk as lines of JSON, each with its newline: the format of `clutch walk --json`. What an entry shares with the one
 * before it, as most of a folder do, is not spelled again.
 */
export class WalkJson {
  #folder = '';
  #folderText = '';
  #type: EntryType | undefined;
  #mode = -1;
  #uid = -1;
  #gid = -1;
  #ownerText = '';
  #mtime = 0n;
  #mtimeText = '0';

  line(entry: WalkEntry): string {
    const { type, size, nlink, target, xattrs, sha256, error } = entry;
    const path = this.#pathText(entry);
    let extra = '';
    if (target !== undefined) extra += `,"target":${JSON.stringify(target)}`;
    if (xattrs !== undefined) extra += `,"xattrs":{${Array.from(xattrs, ([name, value]) => `${JSON.stringify(name)}:"${hex(value)}"`).join(',')}}`;
    if (sha256 !== undefined) extra += `,"sha256":"${sha256}"`;
    if (error !== undefined) extra += `,"error":${JSON.stringify(error)}`;
    if (type === undefined) return `{"path":"${path}"${extra}}\n`;
    return `{"path":"${path}${this.#owner(type, entry)}${size},"nlink":${nlink},"mtime":"${this.#time(entry.mtime)}"${extra}}\n`;
  }

  #pathText({ folder, name }: WalkEntry): string {
    if (folder !== this.#folder) {
      this.#folder = folder;
      this.#folderText = jsonText(folder);
    }
    return this.#folderText + jsonText(name);
  }

  /** From behind the path to before the size. */
  #owner(type: EntryType, { mode, uid, gid }: WalkEntry): string {
    if (type !== this.#type || mode !== this.#mode || uid !== this.#uid || gid !== this.#gid) {
      this.#type = type;
      this.#mode = mode;
      this.#uid = uid;
      this.#gid = gid;
      this.#ownerText = `","type":"${type}","mode":"${mode.toString(8).padStart(4, '0')}","uid":${uid},"gid":${gid},"size":`;
    }
    return this.#ownerText;
  }

  #time(mtime: bigint): string {
    if (mtime !== this.#mtime) {
      this.#mtime = mtime;
      this.#mtimeText = mtime.toString();
    }
    return this.#mtimeText;
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
