import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ioError } from '../engines/core/errors.ts';

/** Parts of the built program that others start or send. */
export interface Built {
  /** The program of an image's process. */
  readonly host: string;
  /** The program of an extraction's second thread. */
  readonly writer: string;
  /** The program of the thread that reads ahead what is put into an image. */
  readonly reader: string;
  /** The program of the thread that WinFsp calls. */
  readonly winfsp: string;
  /** The folder of the page. */
  readonly renderer: string;
  /** The image that is shipped for a first look; undefined where it was left out. */
  readonly sample: string | undefined;
}

/**
 * Where the built parts lie: beside the part that runs, whether that is main, the command line or one of their chunks, in a checkout or in an archive.
 * @throws DiskError io when nothing is built
 */
export function findBuilt(): Built {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    for (const out of [folder, join(folder, 'out')]) {
      const host = join(out, 'host/host.cjs');
      if (existsSync(host)) return { host, writer: join(out, 'writer/writer.cjs'), reader: join(out, 'reader/reader.cjs'), winfsp: join(out, 'winfsp/winfsp.cjs'), renderer: join(out, 'renderer'), sample: sampleBeside(out) };
    }
    if (dirname(folder) === folder) throw ioError('Clutch is not built here; run: npm run build');
  }
}

/** In an archive it lies outside, where every program can read it. */
function sampleBeside(out: string): string | undefined {
  const sample = join(dirname(out), 'assets/sample/sample.img.gz').replace(/\.asar(?=[\\/])/, '.asar.unpacked');
  return existsSync(sample) ? sample : undefined;
}
