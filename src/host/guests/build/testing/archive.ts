import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createCleartextMessage, createMessage, generateKey, type PrivateKey, sign } from 'openpgp';
import { TAR_END, tarHead } from '../../../../engines/archives/tar/entry.ts';
import { makeElf } from './elf.ts';

/** A file of a package: its bytes, or what a link leads to. */
export type PackageFiles = Readonly<Record<string, Uint8Array | { readonly link: string }>>;

/** A .deb of such files, packed with gzip. */
export function makeDeb(files: PackageFiles): Buffer {
  const tar: Uint8Array[] = [];
  for (const [path, content] of Object.entries(files)) {
    const bytes = content instanceof Uint8Array ? content : new Uint8Array(0);
    const head = tarHead({ path: `./${path}`, type: content instanceof Uint8Array ? 'file' : 'symlink', mode: 0o755, uid: 0, gid: 0, size: bytes.length, mtime: 0n, ...(content instanceof Uint8Array ? {} : { target: content.link }) });
    tar.push(head.bytes, bytes, new Uint8Array(head.padding));
  }
  return makeAr([['debian-binary', Buffer.from('2.0\n')], ['control.tar.gz', gzipSync(TAR_END)], ['data.tar.gz', gzipSync(Buffer.concat([...tar, TAR_END]))]]);
}

export function makeAr(members: readonly (readonly [string, Uint8Array])[]): Buffer {
  return Buffer.concat([Buffer.from('!<arch>\n'), ...members.flatMap(([name, bytes]) => [
    Buffer.from(`${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`), bytes, Buffer.alloc(bytes.length % 2, '\n'),
  ])]);
}

/** A bzImage whose payload is an ELF file, packed with gzip. */
export function makeBzImage(payload = gzipSync(makeElf({}))): Buffer {
  const setup = Buffer.alloc(5 * 512);
  setup[0x1f1] = 4;
  setup.write('HdrS', 0x202);
  setup.writeUInt16LE(0x020f, 0x206);
  setup.writeUInt32LE(0, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, payload]);
}

function module(name: string, ...modinfo: string[]): Record<string, Uint8Array> {
  return { [`usr/lib/modules/6.12.1-test/kernel/${name}.ko`]: makeElf({ modinfo: [`name=${name}`, ...modinfo] }) };
}

/** Packages of a guest so small that it is built in a moment. */
export function smallPackages(): Record<string, { files: PackageFiles; depends?: string }> {
  return {
    'linux-image-6.12.1-test': { files: {
      'boot/vmlinuz-6.12.1-test': makeBzImage(), 'usr/lib/modules/6.12.1-test/modules.builtin': Buffer.from('kernel/fs/nls/nls_base.ko\n'),
      ...module('virtio_blk', 'depends='), ...module('libcrc', 'softdep=pre: crc32c'), ...module('crc32c_generic', 'depends='), ...module('xfs', 'depends=libcrc,nls-base'),
    } },
    busybox: { files: { 'bin/busybox': Buffer.from('code [\0[[\0ash\0mount\0sh\0\0more code') } },
    diod: { files: { 'usr/sbin/diod': makeElf({ needed: ['libc.so.6', 'libtalk.so.1'], interpreter: '/lib64/ld.so' }) }, depends: 'libc6 (>= 2.3), libtalk1 | libtalk0' },
    libtalk1: { files: { 'usr/lib/libtalk.so.1': { link: 'libtalk.so.1.2' }, 'usr/lib/libtalk.so.1.2': makeElf({ needed: ['libc.so.6'] }) }, depends: 'libc6' },
    libc6: { files: { 'usr/lib/libc.so.6': makeElf({ needed: ['ld.so'] }), 'lib64/ld.so': makeElf({}) }, depends: 'libgcc-s1' },
    'libgcc-s1': { files: { 'usr/lib/libgcc_s.so.1': makeElf({ needed: ['libc.so.6'] }) }, depends: 'libc6' },
    xfsprogs: { files: { 'usr/sbin/xfs_repair': makeElf({ needed: ['libc.so.6'] }) }, depends: 'libc6' },
  };
}

/** Files of a mirror by their path, with all that is signed made anew from what is below. */
export interface SmallArchive {
  readonly files: Map<string, Uint8Array>;
  /** Armored. */
  readonly publicKey: string;
  /** Makes Packages and InRelease of the debs that are there now; 'detached': a Release and its signature in place of the latter. */
  seal(fields?: Readonly<Record<string, string>>, how?: 'clear' | 'detached'): Promise<void>;
}

/** An archive of one suite, "test", signed by a key of its own. */
export async function makeArchive(packages = smallPackages()): Promise<SmallArchive> {
  const { privateKey, publicKey } = await generateKey({ type: 'ecc', curve: 'ed25519Legacy', userIDs: [{ name: 'Test Archive' }], format: 'object', date: new Date(Date.now() - 86_400_000) });
  const files = new Map<string, Uint8Array>();
  const stanzas: string[] = [];
  for (const [name, { files: content, depends }] of Object.entries(packages)) {
    const deb = makeDeb(content);
    const path = `pool/${name}_1_test.deb`;
    files.set(path, deb);
    stanzas.push(`Package: ${name}\nVersion: 1\nArchitecture: test\n${depends === undefined ? '' : `Depends: ${depends}\n`}Filename: ${path}\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\nDescription: a test\n`);
  }
  const seal: SmallArchive['seal'] = async (fields = {}, how = 'clear') => {
    const index = gzipSync(stanzas.join('\n'));
    files.set('dists/test/main/binary-test/Packages.gz', index);
    const text = releaseText(index, stanzas.join('\n').length, fields);
    for (const name of ['InRelease', 'Release', 'Release.gpg']) files.delete(`dists/test/${name}`);
    if (how === 'clear') files.set('dists/test/InRelease', Buffer.from(await signed(text, privateKey)));
    else {
      files.set('dists/test/Release', Buffer.from(text));
      files.set('dists/test/Release.gpg', Buffer.from(await sign({ message: await createMessage({ binary: Buffer.from(text) }), signingKeys: privateKey, detached: true, date: new Date(Date.now() - 60_000) })));
    }
  };
  await seal();
  return { files, publicKey: publicKey.armor(), seal };
}

function releaseText(index: Uint8Array, unpacked: number, fields: Readonly<Record<string, string>>): string {
  const all = { Origin: 'Test', Suite: 'testing', Codename: 'test', Date: new Date(Date.now() - 3600_000).toUTCString(), Architectures: 'test', Components: 'main', ...fields };
  return `${Object.entries(all).map(([name, value]) => `${name}: ${value}\n`).join('')}SHA256:\n ${sha256(index)} ${index.length} main/binary-test/Packages.gz\n ${'0'.repeat(64)} ${unpacked} main/binary-test/Packages\n`;
}

/** Clearsigned. */
export async function signed(text: string, key: PrivateKey): Promise<string> {
  return sign({ message: await createCleartextMessage({ text }), signingKeys: key, date: new Date(Date.now() - 60_000) });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A mirror on this computer. */
export interface SmallMirror {
  readonly url: string;
  /** Paths with the first byte that was asked for, in order. */
  readonly asked: string[];
  /** What is done with a request instead; return true when it is. */
  meddle?: (path: string, request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

/** Serves files over HTTP, with ranges, on the loopback address. */
export async function serveMirror(files: ReadonlyMap<string, Uint8Array>): Promise<SmallMirror> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    asked.push(`${path}@${from}`);
    if (mirror.meddle?.(path, request, response) === true) return;
    const bytes = files.get(path);
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from }).end(bytes.subarray(from));
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const mirror: SmallMirror = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
  return mirror;
}
