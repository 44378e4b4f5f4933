/**
 * The Debian packages that the tests use. Installed only as root, only those that are missing, and never at the price of
 * another package. (Never the package `fuse`: it removes fuse3.)
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What for → names, in order of preference where releases of Debian differ ("a|b"). */
const WANTED = {
  'recipes and oracle': ['e2fsprogs', 'python3', 'acl', 'attr', 'util-linux', 'mount', 'xz-utils', 'zstd', 'gzip'],
  'partition tables': ['fdisk', 'gdisk', 'parted'],
  'guests': ['qemu-system-x86', 'qemu-system-misc', 'qemu-system-arm', 'qemu-utils', 'libnbd-bin', 'diod'],
  'mounts': ['fuse3', 'libfuse2|libfuse2t64', 'davfs2', 'litmus', 'rsync', 'git', 'libarchive-tools'],
  'images for guests': [
    'mtools', 'dosfstools', 'exfatprogs', 'ntfs-3g', 'xfsprogs', 'btrfs-progs', 'f2fs-tools', 'jfsutils', 'reiserfsprogs', 'nilfs-tools', 'udftools', 'genisoimage', 'squashfs-tools',
    'erofs-utils', 'gfs2-utils', 'ocfs2-tools', 'genromfs', 'hfsutils', 'makefs', 'mtd-utils',
  ],
  'end to end': ['xvfb', 'xauth', 'libgtk-3-0|libgtk-3-0t64', 'libnss3', 'libasound2|libasound2t64', 'libgbm1', 'python3-gi', 'gir1.2-gtk-3.0', 'xdotool', 'chromium', 'fonts-dejavu-core', 'procps'],
};

/**
 * Installs what is missing.
 * @param {(line: string) => void} say
 * @returns {{ what: string, why: string }[]} what is missing still, and why
 */
export function installSystemPackages(say) {
  if (!existsSync('/etc/debian_version')) return [{ what: 'system packages', why: 'not Debian, so what is installed is what there is' }];
  const missing = Object.entries(WANTED).flatMap(([use, names]) => names.filter((name) => !name.split('|').some(isInstalled)).map((name) => ({ use, name })));
  if (missing.length === 0) return [];
  if (process.getuid() !== 0) return missing.map(({ use, name }) => ({ what: `package ${name} (${use})`, why: 'not installed, and installing needs root' }));
  if (missing.some(({ name }) => candidate(name) === undefined)) {
    say('apt-get update');
    apt('update');
  }
  const known = missing.map((each) => ({ ...each, package: candidate(each.name) }));
  const unknown = known.filter((each) => each.package === undefined).map(({ use, name }) => ({ what: `package ${name} (${use})`, why: 'not known to apt' }));
  const wanted = known.filter((each) => each.package !== undefined);
  if (wanted.length === 0) return unknown;
  say(`apt-get install ${wanted.map((each) => each.package).join(' ')}`);
  if (install(wanted.map((each) => each.package)) === '') return unknown;
  // The lists may be old; then one by one, so that one that cannot be had does not take the others with it.
  apt('update');
  return [...unknown, ...wanted.flatMap(({ use, package: name }) => {
    const failure = install([name]);
    return failure === '' ? [] : [{ what: `package ${name} (${use})`, why: failure }];
  })];
}

function isInstalled(name) {
  const done = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Abbrev}', name], { encoding: 'utf8' });
  return done.status === 0 && done.stdout.startsWith('ii');
}

/** The first of the names that apt can install. */
function candidate(names) {
  return names.split('|').find((name) => {
    const done = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
    return /Candidate: (?!\(none\))/.test(done.stdout ?? '');
  });
}

/** Empty when it went well, else apt's own last word. */
function install(names) {
  const done = apt('install', '-y', '--no-remove', '--no-install-recommends', ...names);
  return done.status === 0 ? '' : `apt-get: ${(done.stderr || done.stdout || `${done.error}`).trim().split('\n').at(-1)}`;
}

function apt(...args) {
  return spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], { encoding: 'utf8', timeout: 600_000, env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } });
}
