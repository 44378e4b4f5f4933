import { fakeGuest } from './fake-machine.ts';
import { launchGuest } from '../launch.ts';

/** A process that runs a stand-in which ignores that its sockets end, says "machine PID", and is killed: `node parent.mjs STANDIN FILES CACHE`. */
const [standin, files, cache] = process.argv.slice(2);
const machine = await launchGuest(fakeGuest('standin', { files: files! }), { disks: [], filesystems: ['xfs'], warm: 'never', accelerator: 'tcg', cache: cache!, program: { command: process.execPath, args: [standin!, 'stuck'] } });
process.stdout.write(`machine ${machine.pid}\n`);
setInterval(() => {}, 60_000);
