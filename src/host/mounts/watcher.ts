import { type ChildProcess, spawn } from 'node:child_process';
import type { MountLine } from './mount-table.ts';

/**
 * Reads the mount's numbers, and that all is well at the end. When nothing more comes, because we ended in whatever way, it takes the mount away that
 * nobody serves any more, wherever it is by now (a folder above it may have got another name), the folder that was made for it, and its note. It tries a few
 * times (the kernel may be busy with it), and ends then in any case.
 * $1 the path, $2 "made", $3 the note, the rest unmounts a path, which follows it.
 */
const SCRIPT = `trap "" HUP INT TERM
at=$1 made=$2 note=$3 id= device=
shift 3
while read -r word first second; do
  case $word in
    mounted) id=$first device=$second ;;
    left) id= made= ;;
    ended) exit 0 ;;
  esac
done
# The list has spaces, line ends and backslashes as a backslash and three digits.
unescape() {
  rest=$1 path=
  while case $rest in *\\\\*) ;; *) false ;; esac; do
    path=$path\${rest%%\\\\*}
    rest=\${rest#*\\\\}
    more=\${rest#???}
    byte=$(printf "\\\\\${rest%"$more"}.")
    path=$path\${byte%.}
    rest=$more
  done
  path=$path$rest
}
ours() {
  while read -r number parent of root place more; do
    [ "$number" = "$id" ] && [ "$of" = "$device" ] && unescape "$place" && at=$path && return 0
  done < /proc/self/mountinfo
  return 1
}
try=0
while [ -n "$id" ] && ours && [ $try -lt 10 ]; do
  [ $try -eq 0 ] || sleep 1
  echo 1 > "/sys/fs/fuse/connections/\${device#*:}/abort"
  "$@" "$at"
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
   * @param unmount the command that takes away at once what is mounted at a path, whoever uses it; the path follows it
   */
  constructor(at: string, made: boolean, note: string, unmount: readonly string[]) {
    // In a session of its own: Ctrl-C in a terminal is for us.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'clutch-watcher', at, made ? 'made' : '', note, ...unmount], {
      detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    });
    // Without a shell there is no watcher, and the next mount finds what is left.
    this.#shell.on('error', () => {});
    this.#shell.stdin!.on('error', () => {});
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?(): void }).unref?.();
  }

  /** It is mounted. */
  mounted({ id, device }: MountLine): void {
    this.#shell.stdin!.write(`mounted ${id} ${device}\n`);
  }

  /** It is out of the way, and its folder gone: by its path, there may be another one at once. */
  left(): void {
    this.#shell.stdin!.write('left\n');
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
