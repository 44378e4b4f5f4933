/**
 * Stands in for the window: starts the process of an image, opens the image, and relays one client, a line a message. It says the number of that process first.
 * window.mjs HOST IMAGE
 */
import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';

const [program, path] = process.argv.slice(2);
const host = fork(program, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
process.stdout.write(`${host.pid}\n`);
host.on('message', (message) => {
  if (message.did === 'frame') process.stdout.write(`${message.text}\n`);
});
host.send({ do: 'open', path });
host.send({ do: 'join', channel: 1 });
createInterface({ input: process.stdin }).on('line', (text) => host.send({ do: 'frame', channel: 1, text }));
