import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';

/**
 * How an account that may not read a disk gets to read it, in sentences. Nothing of it is done by ourselves: who may read a whole disk may
 * read every file on it.
 */
export function accessAdvice(path: string, platform: NodeJS.Platform = process.platform, root = process.geteuid?.() === 0): string {
  if (root) return 'Even root may not: this is a container, or a policy of the system keeps the disk from it.';
  switch (platform) {
    case 'linux': return linuxAdvice(path, groupOf(path), accountName());
    case 'darwin': return `Only root may read disks: try "sudo clutch info ${path}" in a terminal. macOS may ask you to let the terminal see removable volumes.`;
    case 'win32': return 'Only administrators may read disks: start Clutch with "Run as administrator".';
    default: return `Only root may read disks: try "sudo clutch info ${path}" in a terminal.`;
  }
}

/** @param group whose members may read the disk; undefined where there is none but root's */
export function linuxAdvice(path: string, group: string | undefined, account: string): string {
  const ways = [
    `In a terminal, "sudo clutch info ${path}" reads it as root.`,
    `For the window, "sudo setfacl -m u:${account}:r ${path}" lets you read it until it is disconnected.`,
    'The system\'s own program for disks (udisks) can make an image of it, which Clutch opens without root.',
    ...(group === undefined ? [] : [`Members of the group "${group}" may always read and write every disk: "sudo usermod -aG ${group} ${account}", and log in again.`]),
  ];
  return ways.join(' ');
}

/** The disk's group where that may read it, by /etc/group; root's own counts for nothing. */
function groupOf(path: string): string | undefined {
  try {
    const { gid, mode } = statSync(path);
    if (gid === 0 || (mode & 0o040) === 0) return undefined;
    return readFileSync('/etc/group', 'utf8').split('\n').map((line) => line.split(':')).find((fields) => fields[2] === String(gid))?.[0];
  } catch {
    return undefined;
  }
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return '$USER'; // An account without a name, as in some containers.
  }
}
