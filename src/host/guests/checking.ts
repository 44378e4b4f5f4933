import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { ToolCheck, ToolCheckOptions, ToolResult } from '../../engines/core/check.ts';
import { cancelled, DiskError, unsupported } from '../../engines/core/errors.ts';
import { lackOf, TOGETHER } from '../../engines/core/lacks.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { SetVolume } from './guest-set.ts';
import type { GuestLayers } from './layers.ts';
import { asPrinted } from './lines.ts';
import type { BuiltGuest, Guest, GuestFilesystem, GuestTool } from './manifest.ts';
import type { GuestSupport } from './support.ts';

/** Bytes of one line that are told: a program of a guest may print what it likes. */
const MOST_LINE = 4000;

/** Types whose checker writes though it only looks: to import a pool is to note in it who did, and reiserfsck notes in the superblock of a sound volume when it looked (s_lastcheck). */
const WRITING = new Set(['zfs', 'reiserfs']);

/** The filesystem's own checker, run in a guest. The filesystem must not be mounted meanwhile: the machine is one of its own. */
export function toolCheck(guest: Guest, served: GuestFilesystem, support: GuestSupport, layers: GuestLayers, volume?: SetVolume): ToolCheck {
  const tool = served.check!;
  let version = '';
  return {
    // With its version, once it was run.
    get name() { return `${tool.program.split('/').at(-1)!}${version}, in ${guest.manifest.title}`; },
    repairs: tool.repair !== undefined,
    async run(devices, options, job) {
      const found = toolVersion(tool, (await import('./catalogue.ts')).readBuilt(guest.files));
      version = found === '' ? '' : ` ${found}`;
      const lack = lackOf(devices, served.format);
      if (lack?.access === 'refused' || (lack !== undefined && options.repair)) throw unsupported('check', lack.reason, lack.access === 'refused' ? undefined : TOGETHER);
      return run(guest, served, tool, support, layers, volume ?? devices, options, job);
    },
  };
}

/**
 * Which version a checker is of: its package's, without what Debian counts before and behind it (Debian Policy 5.6.12: [epoch:]upstream[-revision]).
 * Empty for a guest that was not built from packages.
 */
export function toolVersion({ package: from }: Pick<GuestTool, 'package'>, built: Pick<BuiltGuest, 'packages'> | undefined): string {
  const version = built?.packages.find(({ name }) => name === from)?.version ?? '';
  return version.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
}

async function run(guest: Guest, served: GuestFilesystem, tool: GuestTool, support: GuestSupport, layers: GuestLayers, on: readonly BlockDevice[] | SetVolume, { repair, line }: ToolCheckOptions, job: JobContext): Promise<ToolResult> {
  const args = repair ? tool.repair : tool.dry;
  if (args === undefined) throw unsupported('repair', `${tool.program} only looks`);
  const volume = 'set' in on ? on : undefined;
  // What it writes for looking goes nowhere; to assemble a set is to write to its disks, too.
  const scratched = !repair && (WRITING.has(served.type) || volume !== undefined);
  const disks = ('set' in on ? on.set.devices : on).map((device) => ({ device: scratched ? new OverlayDevice(device) : device, readOnly: !repair && !scratched }));
  const machine = await support.launch(guest, { disks, filesystems: [...(volume?.set.modules ?? []), served.type], tools: [...(volume?.set.tools ?? []), tool.package], signal: job.signal });
  layers.at('check').started(machine);
  const watch = setInterval(() => {
    job.report({ done: 0, unit: 'bytes', now: `${tool.program} is running` });
    if (job.signal.aborted) void machine.kill();
  }, 200);
  try {
    const path = await volume?.set.attach(machine, volume.id);
    const { status } = await machine.run(tool.program, path === undefined ? args : args.map((word) => (word === '{dev}' ? path : word)), { onLine: (text) => line(asPrinted(text.slice(0, MOST_LINE))), signal: job.signal });
    if (job.signal.aborted) throw cancelled();
    if (repair) await machine.sync();
    await volume?.set.detach(machine);
    const end = await machine.stop();
    if (repair && end.error !== undefined) throw end.error;
    return verdict(tool, status, repair);
  } catch (error) {
    const end = await machine.kill();
    if (job.signal.aborted) throw cancelled();
    // A connection that broke says less than what the machine died of.
    throw error instanceof DiskError && error.kind === 'guest' && end.error !== undefined && end.cause !== 'killed' ? end.error : error;
  } finally {
    clearInterval(watch);
  }
}

/** What a tool's exit status means, by the guest's manifest. Findings are not counted: the tool's own words are all that is known. */
function verdict(tool: GuestTool, status: number, repair: boolean): ToolResult {
  const result = (state: ToolResult['state']): ToolResult => ({ state, findings: 0, repaired: 0, status });
  if (repair && tool.repaired.includes(status)) return result('fixed');
  if (tool.clean.includes(status)) return result('clean');
  if (tool.errors.includes(status) || tool.repaired.includes(status)) return result('errors');
  const error = new DiskError({ kind: 'unsupported', feature: tool.program }, `${tool.program} ended with status ${status}: it could not check`);
  return { ...result('unchecked'), error: error.toJSON() };
}
