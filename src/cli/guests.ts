import { type Command, Option } from 'commander';
import { GUEST_TREES } from '../shared/contract/guests.ts';
import { examples, EXIT_STATUS } from './help.ts';

/** The grammar of `clutch guests …`; the code of each lies in verbs/guests. */
export function addGuestVerbs(program: Command, done: (status: number) => void): void {
  const guests = program.command('guests').summary('the guest machines')
    .description('Guests are small virtual machines whose own kernels mount what no engine of Clutch reads or writes. They are built on this computer from Debian\'s packages, and run in QEMU, without root.')
    .helpOption('-h, --help', 'print this help').usage('[options] VERB …').option('--json', 'print one JSON object a line').helpCommand('help [verb]', 'print the help of a verb')
    .enablePositionalOptions().configureHelp({ subcommandTerm: (command) => command.name(), showGlobalOptions: false })
    .addHelpText('after', `\n${[examples('clutch guests list', 'clutch guests build linux-6.12', 'clutch guests build --mirror http://ftp.de.debian.org/debian'), EXIT_STATUS].join('\n\n')}`)
    .argument('[verb]').allowExcessArguments()
    .action(async (unknown: string | undefined, options: { json?: boolean }, command: Command) => {
      if (unknown !== undefined) command.error(`unknown command '${unknown}'`);
      done(await (await import('./verbs/guests/list.ts')).listGuests(options));
    });

  const verb = (name: string, summary: string, description: string, ...help: readonly string[]): Command =>
    guests.command(name).summary(summary).description(description).helpOption('-h, --help', 'print this help').allowExcessArguments(false)
      .configureHelp({ showGlobalOptions: false }).addHelpText('after', `\n${[examples(...help), EXIT_STATUS].join('\n\n')}`);

  verb('list', 'which guests there are', 'Lists the guests: what each is for, whether it is built, and what would make it usable.', 'clutch guests list', "clutch guests list --json | jq -r 'select(.state != \"built\") | .missing'")
    .option('--json', 'print one JSON object a guest: name, title, state, missing, origin, kernel, filesystems')
    .action(async (options) => done(await (await import('./verbs/guests/list.ts')).listGuests(options)));

  verb('build', 'build guests from Debian\'s packages', 'Fetches kernel and programs from a Debian mirror, checks signatures and digests from Debian\'s keys (which come with Clutch) down to each package, and makes a machine of them. What was fetched is kept and shared. Without names: the guests that are not built or outdated, but those that must be compiled.',
    'clutch guests build linux-6.12', 'clutch guests build --mirror http://ftp.de.debian.org/debian', 'clutch guests build linux-6.12 --offline')
    .argument('[name...]', 'which guests')
    .option('--mirror <url>', 'the mirror (default: CLUTCH_DEBIAN_MIRROR, the setting "debianMirror", or http://deb.debian.org/debian)')
    .option('--security <url>', 'the mirror of security updates (default: CLUTCH_DEBIAN_SECURITY_MIRROR, or http://deb.debian.org/debian-security)')
    .option('--offline', 'use only what was fetched before')
    .option('--allow-expired', 'accept an index that is no longer valid, of mirrors that keep old ones; its signature is checked all the same')
    .action(async (names, options) => done(await (await import('./verbs/guests/build.ts')).buildGuests(names, options)));

  verb('add', 'add a guest of your own', 'Takes a described guest into the catalogue: a folder with a guest.yml, and the kernel or the disk that it names. It is checked and copied; its name is the folder\'s. guests/README.md says what stands in a guest.yml.',
    'clutch guests add ./netbsd-10')
    .argument('<dir>', 'the folder')
    .action(async (directory) => done(await (await import('./verbs/guests/add.ts')).add(directory)));

  verb('remove', 'remove a guest', 'Removes a guest that was added, with its files; of one that comes with Clutch, what was built.', 'clutch guests remove netbsd-10')
    .argument('<name>', 'the guest')
    .action(async (name) => done(await (await import('./verbs/guests/remove.ts')).remove(name)));

  verb('run', 'start a guest, or show one of its own trees', 'Starts a guest, with an image as its disk where one is given (for reading), and prints what it says until Ctrl-C. With --tree, lists a tree of its own instead: processes, devices, its memory, or with an image an overlay over that. Such a tree is opened by every verb that reads, as "guest:NAME/TREE".',
    'clutch guests run linux-6.12', 'clutch guests run linux-6.12 --tree procfs --path /self', 'clutch cat guest:linux-6.12/procfs /filesystems')
    .argument('<name>', 'the guest').argument('[image]', 'an image')
    .addOption(new Option('--tree <tree>', 'one of its own trees').choices([...GUEST_TREES]))
    .option('--path <path>', 'what of the tree to list (default: /)')
    .option('--json', 'with --tree: print one JSON object an entry')
    .action(async (name, image, options) => done(await (await import('./verbs/guests/run.ts')).runGuest(name, image, options)));

  verb('test', 'try guests', 'Starts guests without any image, writes a file into their memory, reads it back and stops them: those that are named, or all that are built.',
    'clutch guests test', 'clutch guests test linux-6.12 --cold')
    .argument('[name...]', 'which guests')
    .option('--cold', 'boot, though there is a saved state to start from')
    .option('--json', 'print one JSON object a guest')
    .action(async (names, options) => done(await (await import('./verbs/guests/test.ts')).testGuests(names, options)));

  verb('warm', 'save states that a guest starts from', 'Boots a guest once for each filesystem and saves the state of its machine: volumes of it then open in less than a second. The window does so by itself after a boot.',
    'clutch guests warm linux-6.12 xfs btrfs')
    .argument('<name>', 'the guest').argument('<format...>', 'filesystems, as clutch matrix --json names them')
    .action(async (name, formats) => done(await (await import('./verbs/guests/warm.ts')).warmGuest(name, formats)));

  verb('log', 'what a guest said', 'Prints the log of the guest that ran last: the console, what was asked and answered, and the times of each step.', 'clutch guests log', 'clutch guests log linux-6.12')
    .argument('[name]', 'the guest (default: whichever ran last)')
    .option('--list', 'list the logs that are kept')
    .action(async (name, options) => done(await (await import('./verbs/guests/log.ts')).guestLog(name, options)));
}
