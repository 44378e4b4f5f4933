import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The instructions of docker/Dockerfile, a line each. */
const instructions = read('docker/Dockerfile').replaceAll(/\\\n\s*/g, ' ').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ word: line.split(' ', 1)[0]!, rest: line.slice(line.indexOf(' ') + 1) }));
const words = (name: string) => instructions.filter(({ word }) => word === name).map(({ rest }) => rest);
/** What is copied from the checkout; what is copied from the first stage. */
const sources = (from: boolean) => words('COPY').filter((rest) => rest.startsWith('--from=') === from).flatMap((rest) => rest.split(' ').slice(from ? 1 : 0, -1));

describe('docker/Dockerfile', () => {
  it('copies what is in the checkout, and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore').split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(sources(false).filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(sources(false).toSorted()).toEqual(allowed.toSorted());
    expect(words('COPY').filter((rest) => !rest.startsWith('--from=')).filter((rest) => {
      const [source, target] = rest.split(' ');
      return statSync(join(root, source!)).isDirectory() && target !== source;
    })).toEqual([]);
  });

  it('takes from the first stage what stands there', () => {
    const made = ['/src/out', '/var/lib/clutch'];
    const copied = sources(false).map((path) => `/src/${path}`);
    expect(sources(true).filter((path) => !made.includes(path) && !copied.includes(path))).toEqual([]);
  });

  it('brings the node that the command line wants, the QEMU that its guest wants, and the default guest', () => {
    const [building, running] = words('RUN').filter((rest) => rest.includes('apt-get install')).map((rest) => /--no-install-recommends ([^&]*)/.exec(rest)![1]!.trim().split(' '));
    expect(building).toEqual(['ca-certificates', 'nodejs', 'npm']);
    expect(running).toEqual(['nodejs', 'qemu-system-x86']);
    const name = /guests build (\S+)/.exec(words('RUN').join('\n'))![1]!;
    const manifest = (path: string) => parse(read(`guests/${path}/guest.yml`)) as { readonly rank?: number };
    expect(manifest(name).rank).toBe(Math.max(...['linux-5.10', 'linux-6.12', 'linux-7.2'].map((other) => manifest(other).rank ?? 0)));
    // Debian 13 has Node 20.19: enough for package.json's engines.
    expect(words('FROM').map((rest) => rest.split(' ')[0])).toEqual(['debian:trixie-slim', 'debian:trixie-slim']);
    expect((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node).toBe('>=20.11');
  });

  it('runs clutch tar as an ordinary user, and nothing else', () => {
    expect(words('ENTRYPOINT')).toEqual(['["/opt/clutch/bin/clutch", "tar"]']);
    expect(statSync(join(root, 'bin/clutch')).mode & 0o111).not.toBe(0);
    expect(Number(words('USER')[0]!.split(':')[0])).toBeGreaterThan(0);
  });
});
