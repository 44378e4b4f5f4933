import { fork } from 'node:child_process';
import type { FromHost } from '../control.ts';
import { HOST_ARGUMENTS, type HostLink } from '../supervisor.ts';

/** Starts an image's process as a child of this one. Its clients' texts are relayed over the pipe between the two. */
export function forkHost(program: string): HostLink<never> {
  const child = fork(program, [], { execArgv: [...HOST_ARGUMENTS], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    send(message) {
      // A child that has just died is told of by 'exit', not by a failed write.
      if (child.connected) child.send(message, () => {});
    },
    onMessage: (run) => void child.on('message', (message) => run(message as FromHost)),
    onExit(run) {
      let over = false;
      const end = (reason: string): void => {
        if (over) return;
        over = true;
        run(reason);
      };
      child.on('exit', (code, signal) => end(signal ? `it was ended by ${signal}` : `it ended with status ${code}`));
      child.on('error', (error) => end(error.message));
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
