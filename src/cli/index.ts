import { Command } from 'commander';
import { version } from '../../package.json';
const program = new Command('clutch').version(version);
program.command('x').action(async () => { const { DiskError } = await import('../engines/core/errors.ts'); console.log(DiskError.name); });
void program.parseAsync();
