import { type ChildProcess, spawn } from 'node:child_process';
import { escapePath } from './mount-table.ts';

/**
 * Reads the device's number of the mount, and that all is well at the end. When nothing more comes, because we ended in whatever way, it takes the mount
 * away that nobody serves any more, if what is mounted there is still ours, the folder that was made for it, and its note. It tries a few times
 * (the kernel may be busy with it), and ends then in any case.
 * $1 the path, $2 the path as the list of mounts has it, $3 "made", $4 the note, the rest unmounts the path.
 */
const SCRIPT = `trap "" HUP INT TERM
at=$1 listed=$2 made=$3 note=$4 device=
shift 4
while read -r word rest; do
  case $word in
    mounted) device=$rest ;;
    ended) exit 0 ;;
  esac
done
ours() {
  while read -r id parent number root place more; do
    [ "$number" = "$device" ] && [ "$place" = "$listed" ] && return 0
  done < /proc/self/mountinfo
  return 1
}
try=0
while [ -n "$device" ] && ours && [ $try -lt 10 ]; do
  [ $try -eq 0 ] || sleep 1
  echo 1 > "/sys/fs/fuse/connections/\${device#*:}/abort"
  "$@"
  try=$((try + 1))
done
if [ "$made" = made ]; then rmdir -- "$at"; fi
rm -f -- "$note"
`;

/** What takes a mount away after our own end, also when we are killed: the kernel leaves it where it is, and every look at it fails. */
export class Watcher {
  readonly #shell: ChildProcess;

  /**
   * Started before there is a mount, so that no moment is left without it.
   * @param unmount the command that takes a mount at `at` away at once, whoever uses it
   */
  constructor(at: string, made: boolean, note: string, unmount: readonly string[]) {
    // In a session of its own: Ctrl-C in a terminal is for us.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'clutch-watcher', at, escapePath(at), made ? 'made' : '', note, ...unmount], {
      detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    });
    // Without a shell there is no watcher, and the next mount finds what is left.
    this.#shell.on('error', () => {});
    this.#shell.stdin!.on('error', () => {});
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?(): void }).unref?.();
  }

  /** It is mounted. @param device "0:57" */
  mounted(device: string): void {
    this.#shell.stdin!.write(`mounted ${device}\n`);
  }

  /** Nothing is left to take away. @returns when the watcher's process is gone */
  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#shell.pid === undefined || this.#shell.exitCode !== null || this.#shell.signalCode !== null) return resolve();
      this.#shell.ref();
      this.#shell.once('exit', () => resolve());
      this.#shell.stdin!.end('ended\n');
    });
  }
}
