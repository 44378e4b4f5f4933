import { type MessagePortMain, utilityProcess } from 'electron';
import type { FromHost } from '../host/control.ts';
import { HOST_ARGUMENTS, type HostLink } from '../host/supervisor.ts';

/** Starts an image's process as one of Electron's. Its clients' ports are handed over to it, so nothing of theirs passes here. */
export function startImageProcess(program: string): HostLink<MessagePortMain> {
  const child = utilityProcess.fork(program, [], { serviceName: 'Clutch image', execArgv: [...HOST_ARGUMENTS], stdio: 'inherit' });
  let gone = false;
  child.once('exit', () => { gone = true; });
  return {
    send(message, ports) {
      if (!gone) child.postMessage(message, ports);
    },
    onMessage: (run) => void child.on('message', (message: FromHost) => run(message)),
    onExit: (run) => void child.once('exit', (code) => run(code === 0 ? 'it was ended from outside' : `it ended with status ${code}`)),
    kill: () => void child.kill(),
  };
}
