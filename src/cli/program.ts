import { Argument, Command, Option } from 'commander';
import { version } from '../../package.json';
import { RefusedError, UsageError } from './exit.ts';
import { addGuestVerbs } from './guests.ts';
import { EDIT_HELP, examples, EXIT_STATUS, FSCK_STATUS, PART_HELP } from './help.ts';
import { MOUNT_PROVIDERS } from '../shared/contract/mounts.ts';
import { stdout } from './streams.ts';

/** Verbs of later versions: named, so that a script learns why they fail. */
const LATER: readonly (readonly [string, string])[] = [
  ['convert', 'convert between image formats'],
  ['diff', 'compare two images'],
];

/**
 * The program and its verbs. Only the command line's grammar is here; a verb's code is loaded when it runs, and tells
 * the exit status by `done`.
 */
export function makeProgram(done: (status: number) => void): Command {
  const program = new Command('clutch');
  program
    .version(`clutch ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help, or that of a verb')
    .helpCommand('help [verb]', 'print the help of a verb')
    .summary('open any disk image')
    .description('Opens disk images: shows what is in them, browses them and copies out of them. An image changes only when a verb is told to change it: edit, untar, fsck --fix, mkfs, serve-nbd --write, serve9p --write, mount --write.\nWithout a verb it opens the window.')
    .usage('[options] [image]\n       clutch VERB [options] IMAGE [path...]')
    .argument('[image]', 'an image, or a disk such as /dev/sda')
    .option('--tty', 'print what is in the image and its root directory instead of opening the window (so too without a display)')
    .addOption(new Option('--part <sel>', 'with --tty: the volume to list').hideHelp())
    .configureHelp({ subcommandTerm: (command) => command.name(), showGlobalOptions: false, sortSubcommands: false })
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => {} })
    .showSuggestionAfterError(true)
    // Options after a verb are the verb's own.
    .enablePositionalOptions()
    .addHelpText('after', `
Not in this version (exit status 3):
  ${LATER.map(([name]) => name).join(', ')}

${PART_HELP}

Formats:
  Images: raw, split (.001, .000), gzip. Partition tables: MBR, GPT. Filesystems: ext2, ext3, ext4;
  by guests many more: clutch matrix lists them.

${examples(
    'clutch disk.img                       open the window',
    'clutch info disk.img                  what is in it',
    'clutch ls -l disk.img /etc --part 2   list a directory',
    'clutch extract disk.img /home -C out  copy out, with all metadata',
    'clutch mount disk.img /mnt/disk       a folder for every other program',
    'clutch guests build linux-6.12        once, for what only a guest opens',
    'clutch help walk                      the help of one verb',
  )}

${EXIT_STATUS}`)
    .action(async (image: string | undefined, options: { tty?: boolean; part?: string }) => {
      const { open } = await import('./verbs/open.ts');
      done(await open(image, options));
    });

  const verb = (name: string, summary: string, description: string): Command =>
    program.command(name).summary(summary).description(description).configureHelp({ showGlobalOptions: false }).helpOption('-h, --help', 'print this help').allowExcessArguments(false);
  const image = new Argument('<image>', 'the image: a file, a part of a split image, or a disk such as /dev/sda');

  after(json(withPart(verb('info', 'what an image holds: containers, tables, volumes, filesystems',
    'Shows the tree of layers: containers (gzip), partition tables, volumes and filesystems, each with format, label, UUID, size, free space and state, and what was noticed about it.')
    .addArgument(image).option('-v, --verbose', 'show evidence, openers, features, details and every note')), 'print one JSON object a layer: path, kind, format, title, label, uuid, offset, size, free, state, features, openers, notes, error'),
  examples('clutch info disk.img', 'clutch info -v disk.img --part 2', "clutch info --json disk.img | jq -r 'select(.kind == \"filesystem\") | .uuid'"))
    .action(async (path, options) => done(await (await import('./verbs/info.ts')).info(path, options)));

  after(json(verb('devices', 'the disks of this machine',
    'Lists the disks of this machine with their partitions, what is found on them, and where they are mounted or by what else they are used: those are not written to. Reading disks needs root; without it their contents are what the system knows of them (udev), else "?", with the reason. Nothing is written to any of them.'), 'print one JSON object a device: path, kind, parent, size, model, label, uuid, contents, readOnly, removable, used, error'),
  examples('sudo clutch devices', 'sudo clutch ls /dev/sdb1'))
    .action(async (options) => done(await (await import('./verbs/devices.ts')).devices(options)));

  after(json(withPart(verb('ls', 'list directories',
    'Lists directories, or the entries named, in byte order of their names. Times are UTC. Names that could confuse a terminal are shown with escapes (\\x1b, \\u{202e}); the same spelling is understood in paths.')
    .addArgument(image).argument('[path...]', 'what to list (default: the root)')
    .option('-l, --long', 'mode, links, owner, group, size, time, link target')
    .option('-R, --recursive', 'directories below, too')
    .option('-a, --all', 'entries whose names begin with a dot, too')
    .option('-d, --directory', 'directories themselves, not what is in them')
    .option('--human', 'with -l: sizes in KiB, MiB …')
    .option('-0, --raw', 'names as their exact bytes, each ended by a NUL (with -R: whole paths)')), 'print one JSON object an entry'),
  PART_HELP, examples('clutch ls disk.img', 'clutch ls -la disk.img /etc /home --part root', 'clutch ls -0R disk.img | xargs -0 -n1 echo'))
    .action(async (path, paths, options) => done(await (await import('./verbs/ls.ts')).ls(path, paths, options)));

  after(withPart(verb('tree', 'draw a directory tree', 'Draws a directory and everything below it, in byte order of names.')
    .addArgument(image).argument('[path]', 'where to begin', '/')
    .option('-a, --all', 'entries whose names begin with a dot, too')
    .option('-d, --dirs', 'directories only')
    .option('-L, --level <n>', 'go no deeper than n levels')),
  PART_HELP, examples('clutch tree disk.img', 'clutch tree -d -L 2 disk.img /usr'))
    .action(async (path, at, options) => done(await (await import('./verbs/tree.ts')).tree(path, at, options)));

  after(json(withPart(verb('stat', 'everything about entries', 'Shows all metadata of entries: type, size, mode, owner, links, inode, times to the nanosecond (UTC), flags and extended attributes. A symlink itself is shown, not what it leads to.')
    .addArgument(image).argument('<path...>', 'the entries')
    .option('-L, --dereference', 'follow symlinks')), 'print one JSON object an entry, times in nanoseconds, attributes in hexadecimal'),
  PART_HELP, examples('clutch stat disk.img /etc/passwd'))
    .action(async (path, paths, options) => done(await (await import('./verbs/stat.ts')).stat(path, paths, options)));

  after(withPart(verb('cat', 'print files', 'Writes the bytes of files to standard output, one after another. Symlinks are followed, inside the image only.')
    .addArgument(image).argument('<path...>', 'the files')),
  PART_HELP, examples('clutch cat disk.img /etc/fstab', 'clutch cat disk.img /boot/vmlinuz > vmlinuz'))
    .action(async (path, paths, options) => done(await (await import('./verbs/cat.ts')).cat(path, paths, options)));

  after(withPart(verb('hexdump', 'print bytes in hexadecimal', 'Prints bytes in hexadecimal and as text, sixteen a line: of a file in the image; of a volume, with --part and no path; of the image file itself with neither. Repeated lines are shown as one "*".')
    .addArgument(image).argument('[path]', 'a file in the image')
    .option('-s, --skip <offset>', 'begin there: 512, 0x200, 4K, 1M, 2G')
    .option('-n, --length <bytes>', 'print no more than that')
    .option('-v, --verbose', 'print repeated lines, too')),
  PART_HELP, examples('clutch hexdump -n 512 disk.img', 'clutch hexdump -s 1K -n 1K disk.img --part 2     the superblock of an ext4', 'clutch hexdump disk.img /etc/hostname'))
    .action(async (path, at, options) => done(await (await import('./verbs/hexdump.ts')).hexdump(path, at, options)));

  after(json(withPart(verb('walk', 'every entry with its metadata', 'Prints every entry, the root first, in byte order of paths: path, type, mode, uid, gid, size, nlink, mtime in nanoseconds, link target, extended attributes.')
    .addArgument(image).argument('[path]', 'where to begin', '/')
    .option('--hash', "files' SHA-256, too")), 'print one JSON object an entry; bytes of names that are not UTF-8 are \\udc80 to \\udcff, without loss. An entry that can\'t be read has an "error"'),
  PART_HELP, examples('clutch walk disk.img /etc', 'clutch walk --hash --json disk.img > disk.jsonl'))
    .action(async (path, at, options) => done(await (await import('./verbs/walk.ts')).walk(path, at, options)));

  after(json(withPart(verb('extract', 'copy out of the image', 'Copies entries with everything below them into a folder, keeping modes, times to the nanosecond, extended attributes, ACLs, hard links, symlinks and holes; owners as root, or when asked. It never writes outside the folder. What could not be kept is reported, entry by entry, and makes the exit status 1.')
    .addArgument(image).argument('[path...]', 'what to copy (default: everything)')
    .requiredOption('-C, --directory <dir>', 'the folder to copy to; made where it does not exist')
    .option('--owners', 'keep owners and groups (default: as root)')
    .option('--no-owners', 'everything belongs to whoever extracts')
    .option('--special', 'keep setuid, setgid and sticky bits, and make device nodes')
    .addOption(new Option('--on-conflict <what>', 'what to do where something is there already (default: ask on a terminal, else skip and report)').choices(['ask', 'replace', 'skip', 'keep-both', 'newer']))
    .option('--keep-damaged', 'keep what could be read of a damaged file')
    .option('-v, --verbose', 'name what is left out on purpose, too: special bits, devices, sockets')
    .option('-q, --quiet', 'no summary at the end')), 'print the summary as JSON; reports on standard error too'),
  'Paths:\n  A path\'s last name is what is made in the folder: extract disk.img /home/ann -C out makes out/ann.\n  For the root, its contents go into the folder itself.',
  PART_HELP, examples('clutch extract disk.img -C out', 'clutch extract disk.img /etc /home/ann -C out --part root', 'sudo clutch extract disk.img -C /mnt/new --special --on-conflict replace'))
    // --owners and --no-owners are one option to commander, whose default would be "true": nothing said is to stay nothing.
    .action(async (path, paths, options, command: Command) => {
      const { owners, ...rest } = options;
      const asked = command.getOptionValueSource('owners') === 'cli' ? { owners } : {};
      done(await (await import('./verbs/extract.ts')).extract(path, paths, { ...rest, ...asked }));
    });

  after(withPart(verb('tar', 'stream a tar archive', 'Writes entries with everything below them to standard output as a pax tar, with extended attributes, ACLs, sparse files, hard links and times to the nanosecond.')
    .addArgument(image).argument('[path...]', 'what to archive (default: everything)')
    .option('--bulk', "of a guest's volume: the tar that the guest makes, several times faster for many small files, but without extended attributes, ACLs and parts of a second, and with wrong owners above 2097151; holes are zeros either way")),
  PART_HELP, examples('clutch tar disk.img > disk.tar', 'clutch tar disk.img /home | tar -tvf -', 'clutch tar disk.img | sudo tar -x --xattrs --xattrs-include="*" --acls -C /mnt'))
    .action(async (path, paths, options) => done(await (await import('./verbs/tar.ts')).tar(path, paths, options)));

  after(withPart(verb('untar', 'unpack a tar archive into the image', 'Unpacks a tar from standard input into a folder of the image: contents with their holes, modes, owners, times to the nanosecond, extended attributes, ACLs, hard links, devices. What has a member\'s name is replaced, folders are merged; names never lead out of the folder. The image changes when all of it is unpacked, and then all at once.')
    .addArgument(image).argument('[path]', 'the folder to unpack into', '/')
    .option('--direct', "write to the image at once, through the filesystem's own journal")),
  PART_HELP, examples('clutch untar disk.img < tree.tar', 'tar -C tree --xattrs -cf - . | clutch untar disk.img /srv', 'clutch tar old.img | clutch untar new.img'))
    .action(async (path, at, options) => done(await (await import('./verbs/untar.ts')).untar(path, at, options)));

  withPart(json(verb('fsck', 'check and repair a filesystem', 'Checks a filesystem, as e2fsck does, or by its own tool in a guest, and prints what is wrong: what it is, what it means, where it lies, and how it would be repaired. Nothing is changed without --fix. With it, each repair is asked about; the repairs reach the image all at once at the end, or not at all when the check is stopped.')
    .addArgument(image)
    .option('--fix', 'repair, too')
    .option('--yes', 'with --fix: make every repair without asking'), 'print one JSON object a finding (id, code, severity, message, meaning, place, repair, repaired), and last the state and the exit status'))
    .addHelpText('after', `\n${[PART_HELP, examples('clutch fsck disk.img', 'clutch fsck --fix disk.img --part 2', 'clutch fsck --fix --yes --json /dev/sdb1'), FSCK_STATUS].join('\n\n')}`)
    .action(async (path, options) => done(await (await import('./verbs/fsck.ts')).fsck(path, options)));

  after(withPart(verb('edit', 'change files in an image', 'Runs operations from a script, or from standard input, one a line. They are staged, and reach the image all at once at the end: when one of them fails, the image stays as it was, and the line is named.')
    .addArgument(image)
    .option('-f, --file <script>', 'the script (default, or "-": standard input)')
    .option('--direct', 'write to the image at once, operation by operation, through the filesystem\'s own journal')),
  EDIT_HELP, PART_HELP, examples('clutch edit disk.img -f changes.txt', "echo 'put hosts /etc/hosts' | clutch edit disk.img --part root"))
    .action(async (path, options) => done(await (await import('./verbs/edit.ts')).edit(path, options)));

  after(verb('mkfs', 'make a filesystem', 'Makes an empty ext2, ext3 or ext4, as mke2fs would: in a new image file of the given size, or, with --force, over what an image or one of its volumes holds. A new image gets its name when it is whole; an image that is there changes at once and wholly, or not at all.')
    .addArgument(image)
    .addOption(new Option('-t, --type <name>', 'what to make').choices(['ext2', 'ext3', 'ext4']).default('ext4'))
    .option('--size <bytes>', 'of a new image: 64M, 2G')
    .option('--label <text>', 'the name of the volume')
    .option('--uuid <uuid>', 'its UUID (default: a random one)')
    .option('-o, --option <name=value>', 'an option of the format, any number of them; an unknown one lists all', (value: string, all: string[]) => [...all, value], [])
    .option('--from <dir>', 'copy what is in a folder of this computer into a new image, with all its metadata')
    .option('--part <sel>', 'the volume to make it in: number, label or UUID, "/" for nesting')
    .option('--force', 'overwrite what is there'),
  examples('clutch mkfs new.img --size 1G --label data', 'clutch mkfs new.img --size 64M --type ext2 -o block-size=4096 -o features=^resize_inode', 'clutch mkfs tree.img --size 1G --from ./tree', 'clutch mkfs disk.img --part 2 --force'))
    .action(async (path, options) => done(await (await import('./verbs/mkfs.ts')).mkfs(path, options)));

  after(json(withPart(verb('hash', 'checksums', "Prints checksums: of files in the image; of a volume's bytes, with --part and no path; of the image file itself with neither.")
    .addArgument(image).argument('[path...]', 'files in the image; of directories all files below')
    .addOption(new Option('-a, --algorithm <name>', 'the algorithm').choices(['md5', 'sha1', 'sha256', 'sha512', 'crc32', 'crc32c']).default('sha256')))),
  PART_HELP, examples('clutch hash disk.img', 'clutch hash -a md5 disk.img --part 2', 'clutch hash disk.img /etc/passwd /bin'))
    .action(async (path, paths, options) => done(await (await import('./verbs/hash.ts')).hash(path, paths, options)));

  after(verb('serve', 'the window in a browser', 'Shows the same window in a browser, on this computer only: it prints an address on standard output that works once. Ctrl-C ends it.')
    .argument('[image...]', 'images to open at once')
    .option('--port <n>', 'the port to listen on (default: any that is free)')
    .option('--open', 'open the browser, too'),
  examples('clutch serve disk.img'))
    .action(async (paths, options) => done(await (await import('./verbs/serve.ts')).serve(paths, options)));

  after(withPart(verb('serve-nbd', 'a disk for other programs', "Serves an image, or a volume of it, as a disk to QEMU and other programs of this computer, by the NBD protocol: it prints the address on standard output (nbd+unix:///?socket=PATH). What is packed is served unpacked. It is read-only unless told; what is written with --write is kept apart, and reaches the image all at once when the serving ends. Ctrl-C ends it; so does --once, when the last program has let go of the disk.")
    .addArgument(image)
    .option('--write', 'let programs write; applied at the end, all of it or nothing')
    .option('--direct', 'with --write: write to the image at once')
    .option('--socket <path>', 'the socket to listen at (default: one in a private folder)')
    .option('--port <n>', 'listen at a port of this computer instead, open to all of its accounts; 0: any that is free')
    .option('--once', 'end when all programs are gone that had opened the disk')),
  PART_HELP, examples('clutch serve-nbd disk.img --socket d.sock', "qemu-img info 'nbd+unix:///?socket=d.sock'", 'clutch serve-nbd disk.img.gz --part 2 --once', 'clutch serve-nbd disk.img --write --port 10809'))
    .action(async (path, options) => done(await (await import('./verbs/serve-nbd.ts')).serveNbd(path, options)));

  after(withPart(verb('serve9p', "a volume's files for other programs", "Serves a volume's files to other programs of this computer, by the 9P protocol (9P2000.L and 9P2000.u): it prints the command that mounts them on Linux, where DIR is a folder of your choice. Owners and modes are told and not enforced: whoever may connect may do everything. It is read-only unless told; what is written with --write is kept apart, and reaches the image all at once when the serving ends: unmount first, then end it with Ctrl-C.")
    .addArgument(image)
    .option('--write', 'let programs write; applied at the end, all of it or nothing')
    .option('--direct', 'with --write: write to the image at once')
    .option('--socket <path>', 'the socket to listen at (default: one in a private folder)')
    .option('--port <n>', 'listen at a port of this computer instead, open to all of its accounts; 0: any that is free')
    .option('--once', 'end when all programs are gone that had connected')),
  PART_HELP, examples('clutch serve9p disk.img --socket d.sock', 'sudo mount -t 9p -o trans=unix,version=9p2000.L d.sock /mnt', 'clutch serve9p disk.img --part 2 --write --port 5640 --once'))
    .action(async (path, options) => done(await (await import('./verbs/serve9p.ts')).serve9p(path, options)));

  after(json(verb('install', 'get what mounts need', "Gets what mounting needs of this computer. On Windows that is WinFsp: its installer is fetched, its digest is compared with the one that Clutch knows, and it is run; Windows asks for consent. On Linux and macOS nothing is installed: it is said what is there, and which package brings what is missing (exit status 3).")
    .option('--force', 'install it again where it is'), 'print one JSON object: what, state (installed, present, missing), version, advice'),
  examples('clutch install', 'clutch install --json'))
    .action(async (options) => done(await (await import('./verbs/install.ts')).install(options)));

  after(json(withPart(verb('mount', 'a folder or drive for every other program', "Makes a volume a folder (a drive on Windows) that every other program can use, and prints where. It stays in the foreground: Ctrl-C unmounts it, and so do clutch umount and the system's own umount. It is for reading unless told; what programs write with --write is kept apart, and reaches the image all at once when it is unmounted. Without an image it lists what is mounted.")
    .argument('[image]', 'the image: a file, a part of a split image, or a disk such as /dev/sda').argument('[dir]', 'an empty folder, or one to be made (default: one is made); a drive on Windows ("X:")')
    .option('--write', 'let programs write; applied at the end, all of it or nothing')
    .option('--direct', 'with --write: write to the image at once; what a program has synced is in it')
    .addOption(new Option('--backend <name>', 'how it is mounted (default: the best that works here)').choices([...MOUNT_PROVIDERS]))
    .option('--uid <n>', "show all files as this account's")
    .option('--gid <n>', "show all files as this group's")
    .option('--umask <bits>', 'permissions to take away from what is shown, in octal')
    .option('--shared', 'other accounts of this computer may use it, too')), 'print one JSON object a line: where it is, and how it ended'),
  PART_HELP, examples('clutch mount disk.img /mnt/disk', 'clutch mount disk.img --part 2 --uid 1000 --gid 1000', 'clutch mount disk.img /mnt/disk --write', 'clutch mount', 'clutch umount /mnt/disk'))
    .action(async (path, folder, options) => done(await (await import('./verbs/mount.ts')).mountImage(path, folder, options)));

  after(verb('umount', 'unmount what clutch or its window has mounted', 'Ends a mount, and waits until what programs wrote is in the image; the exit status says whether it is. Where something has files of it open it names what, and the volume stays mounted.')
    .argument('<dir>', 'where it is mounted')
    .option('--lazy', 'take it out of the way though it is in use; who has files open is served until they are closed'),
  examples('clutch umount /mnt/disk', 'clutch umount --lazy /mnt/disk'))
    .action(async (folder, options) => done(await (await import('./verbs/umount.ts')).umount(folder, options)));

  addGuestVerbs(program, done);

  after(json(verb('matrix', 'what opens with what, and how well', 'Shows for every filesystem how well the engines of Clutch and each guest open it: from the engines, the guests\' descriptions, and what tests have shown.')
    .option('--markdown', 'print the page of docs/matrix.md'), 'print one JSON object a filesystem'),
  examples('clutch matrix', "clutch matrix --json | jq -r 'select(.openers.native.support == \"none\") | .title'"))
    .action(async (options) => done(await (await import('./verbs/matrix.ts')).matrix(options)));

  for (const [name, summary] of LATER) {
    program.command(name, { hidden: true }).summary(summary).description(`${name} (${summary}) is not in this version of Clutch.`).helpOption('-h, --help')
      .argument('[arguments...]').allowUnknownOption().allowExcessArguments()
      .action(() => { throw new RefusedError(`"${name}" (${summary}) is not in this version; clutch --help lists what there is`); });
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride().configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => {}, getOutHelpWidth: () => Math.min(process.stdout.columns ?? 100, 110) });
  }
  return program;
}

/** Commander's complaint as ours: without its "error:", with where to read on. */
export function usageError(message: string, command: string): UsageError {
  return new UsageError(`${message.replace(/^error: /, '')}\n  See: clutch ${command === '' ? '' : `${command} `}--help`);
}

function withPart(command: Command): Command {
  return command
    .option('--part <sel>', 'the volume: number, label or UUID, "/" for nesting')
    .option('--with <opener>', 'the opener to use instead of the best one, as info -v lists them: native:ext4, guest:linux-6.12')
    .option('--also <image>', 'a further image of the set that is opened as one, any number of them: disks of an array, a group or a filesystem (md, LVM, Btrfs, by a guest)', (value: string, all: string[] = []) => [...all, value]);
}

function json(command: Command, what = 'print one JSON object a line'): Command {
  return command.option('--json', what);
}

/** What stands below the options on a verb's page. */
function after(command: Command, ...texts: readonly string[]): Command {
  return command.addHelpText('after', `\n${[...texts, EXIT_STATUS].join('\n\n')}`);
}
