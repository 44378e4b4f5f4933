import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { cancelled, DiskError, toDiskError } from '../../engines/core/errors.ts';
import { candidate, Verdicts } from './accelerator.ts';
import { DESCRIPTORS, machineArguments, type MachineArguments } from './arguments.ts';
import { guestCache, joinInitramfs } from './cache.ts';
import { watchConsole } from './console.ts';
import { LinuxMachine } from './linux-machine.ts';
import { loadFactor } from './load.ts';
import { LogBook } from './log.ts';
import type { GuestMachine, LaunchOptions } from './machine.ts';
import { MachineDisks } from './machine-disks.ts';
import type { Guest } from './manifest.ts';
import { readBuilt } from './catalogue.ts';
import { checkOwnDisk } from './own-disk.ts';
import { findQemu, type MachineProgram } from './qemu.ts';
import { SerialMachine } from './serial-machine.ts';
import { MachineProcess } from './supervisor.ts';
import { openState, type SavedState, SavedStates, saveState, resumeState } from './warm.ts';

/** Milliseconds of a warm start on an idle machine after which a cold boot takes its place; it takes a tenth as a rule. */
const WARM_WITHIN = 3000;

/** How many times longer than the manifest says a boot may take, on an idle machine. */
const BOOT_PATIENCE = 10;

/** Milliseconds after which a boot by an accelerator counts as failed: one that works takes a second or two. */
const PROOF_WITHIN = 20_000;

/** Milliseconds between looks at a signal, which has no event. */
const LOOK_EVERY = 50;

/** Milliseconds between a boot and the work that makes the next one faster: whoever waits for files comes first. */
const PREPARE_AFTER = 3000;

/** What is being prepared in this process, so that nothing is done twice at once. */
const preparing = new Map<string, Promise<readonly string[]>>();

/** All that is known of a machine before it starts. */
interface Plan {
  readonly guest: Guest;
  readonly options: LaunchOptions;
  readonly program: MachineProgram;
  readonly digest: string;
  readonly cache: string;
  readonly verdicts: Verdicts;
  /** Without disks and state. */
  readonly machine: MachineArguments;
}

/**
 * Starts a guest. When it returns, the guest can mount.
 * @throws DiskError unsupported without QEMU; guest when it is not built, does not come up or dies; cancelled; usage
 */
export async function launchGuest(guest: Guest, options: LaunchOptions): Promise<GuestMachine> {
  const log = new LogBook();
  const step = options.step?.({ text: `${guest.manifest.title}: starting` });
  try {
    const plan = planFor(guest, options);
    const machine = await begin(plan, log, (text) => step?.say(`${guest.manifest.title}: ${text}`));
    step?.end('done', `${guest.manifest.title}: ${machine.start === 'warm' ? 'resumed' : 'booted'} in ${(log.now() / 1000).toFixed(1)} s (${machine.accelerator})`);
    if (machine.start === 'cold' && options.warm !== 'never') prepareLater(plan);
    return machine;
  } catch (error) {
    const known = toDiskError(error);
    step?.end('failed', known.message);
    throw known;
  }
}

/**
 * Makes what lets the guest start faster, now and not beside its use: a saved state, and the proof of an accelerator. As after a cold boot.
 * @returns what did not work, in sentences: the guest starts all the same, cold or under TCG
 */
export async function prepareGuest(guest: Guest, options: LaunchOptions): Promise<readonly string[]> {
  // The machines for it keep no process running by themselves.
  const alive = setInterval(() => {}, 60_000);
  try {
    return await prepare(planFor(guest, options));
  } finally {
    clearInterval(alive);
  }
}

function planFor(guest: Guest, options: LaunchOptions): Plan {
  const { manifest } = guest;
  checkOwnDisk(manifest, guest.files);
  const cache = guestCache(options.cache);
  const program = options.program ?? findQemu(manifest.architecture);
  const memory = Math.max(manifest.machine.memory, options.memory ?? 0);
  const machine = { manifest, files: guest.files, accelerator: 'tcg', disks: [], memory };
  if (manifest.system === 'other') {
    const digest = JSON.stringify(manifest);
    const { kernel, initrd } = manifest.boot;
    return {
      guest, options, program, digest, cache, verdicts: new Verdicts(cache, program, digest),
      machine: { ...machine, ...(kernel === undefined ? {} : { kernel: join(guest.files, kernel) }), ...(initrd === undefined ? {} : { initrd: join(guest.files, initrd) }) },
    };
  }
  const built = readBuilt(guest.files);
  if (built === undefined) throw new DiskError({ kind: 'guest', guest: manifest.name }, `${manifest.title} is not built`, guest.missing === '' ? `Run: clutch guests build ${manifest.name}` : guest.missing);
  const initrd = joinInitramfs(guest, built, options.filesystems, options.tools ?? [], cache);
  return { guest, options, program, digest: built.digest, cache, verdicts: new Verdicts(cache, program, built.digest), machine: { ...machine, kernel: join(guest.files, built.kernel), initrd } };
}

/** Warm where there is a state, else cold; by an accelerator where one was proved. */
async function begin(plan: Plan, log: LogBook, say: (text: string) => void): Promise<GuestMachine> {
  const { guest, options, verdicts } = plan;
  const fast = options.accelerator === 'tcg' ? undefined : candidate(guest.manifest.architecture);
  if (fast !== undefined && verdicts.get(fast) === true) {
    try {
      return await boot({ ...plan, machine: { ...plan.machine, accelerator: fast } }, log, say);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      // It worked once and does not now; it has to be proved anew.
      verdicts.set(fast, false);
      log.add('launcher', `${fast} failed: ${toDiskError(error).message}`);
    }
  }
  if (options.warm !== 'never' && guest.manifest.machine.warm && guest.manifest.system === 'linux') {
    const states = new SavedStates(plan.cache);
    const state = states.find(states.key(plan.program, { ...plan.machine, disks: options.disks.map(() => undefined) }, plan.digest));
    if (state !== undefined) {
      say('resuming');
      try {
        return await boot(plan, log, say, state);
      } catch (error) {
        if (options.signal?.aborted === true) throw error;
        states.remove(state);
        log.add('launcher', `The saved state is of no use: ${toDiskError(error).message}`);
      }
    }
  }
  say('booting');
  return boot(plan, log, say);
}

/** Starts one machine, and waits until it can mount. */
async function boot(plan: Plan, log: LogBook, say: (text: string) => void, state?: SavedState): Promise<GuestMachine> {
  const { guest, options } = plan;
  const { manifest } = guest;
  throwIfAborted(options);
  const disks = await MachineDisks.start(options.disks, log);
  const descriptor = state === undefined ? undefined : openState(state);
  let process: MachineProcess | undefined;
  try {
    if (state !== undefined && descriptor === undefined) throw new DiskError({ kind: 'guest', guest: manifest.name }, 'The saved state is gone');
    const args = machineArguments({ ...plan.machine, disks: disks.arguments, ...(state === undefined ? {} : { state: { file: state.memory, use: 'resume' } }) });
    process = await MachineProcess.start({
      program: plan.program, args, guest: manifest.name, log, memory: plan.machine.memory, beforeKill: () => disks.fence(), ...(descriptor === undefined ? {} : { state: descriptor }),
    });
    const running = process;
    const how = { start: state === undefined ? 'cold' : 'warm', accelerator: plan.machine.accelerator, ...(options.patience === undefined ? {} : { patience: options.patience }) } as const;
    const consoleReady = watchConsole(process.console, log, manifest.boot.ready);
    const machine = manifest.transport.agent ? new LinuxMachine(guest, process, disks, log, how) : new SerialMachine(guest, process, disks, log, how);
    const ready = async () => {
      await running.qmp.ready;
      if (state !== undefined) await resumeState(running.qmp, DESCRIPTORS.state);
      say(state === undefined ? 'booting its kernel' : 'resuming');
      if (manifest.boot.ready !== undefined && !manifest.transport.agent) await consoleReady;
      await machine.prepare();
    };
    const within = (state === undefined ? manifest.boot.deadline * 1000 * BOOT_PATIENCE : WARM_WITHIN) * (options.patience ?? loadFactor());
    await underWatch(running, ready(), within, options);
    log.add('launcher', how.start === 'warm' ? 'Resumed' : 'Booted');
    return machine;
  } catch (error) {
    await process?.kill('killed', 'its start was given up');
    await disks.close();
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Waits for a start as long as the machine lives, the deadline allows and nobody gives up. */
async function underWatch(process: MachineProcess, ready: Promise<void>, within: number, options: Pick<LaunchOptions, 'signal'>): Promise<void> {
  ready.catch(() => {});
  let look: NodeJS.Timeout | undefined;
  let deadline: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      // A connection that breaks is told by the machine's end, if it is that: its cause says more.
      ready.catch(async (error: unknown) => {
        const end = await Promise.race([process.ended, new Promise<undefined>((resolve) => { setTimeout(() => resolve(undefined), 2000).unref(); })]);
        throw end?.error ?? error;
      }),
      process.ended.then((end) => { throw end.error ?? new DiskError({ kind: 'guest', guest: '' }, end.message); }),
      new Promise<never>((_, reject) => {
        deadline = setTimeout(() => {
          process.kill('hung', `it did not come up within ${(within / 1000).toFixed(0)} s`).then((end) => reject(end.error!), reject);
        }, within);
        look = setInterval(() => { if (options.signal?.aborted === true) reject(cancelled()); }, LOOK_EVERY);
      }),
    ]);
  } finally {
    clearInterval(look);
    clearTimeout(deadline);
  }
}

/** After a while, and not in the way of an end of this process. */
function prepareLater(plan: Plan): void {
  setTimeout(() => { void prepare(plan); }, PREPARE_AFTER).unref();
}

async function prepare(plan: Plan): Promise<readonly string[]> {
  const key = `${plan.digest} ${plan.machine.initrd} ${plan.options.disks.length} ${plan.cache}`;
  let work = preparing.get(key);
  if (work === undefined) {
    work = both(plan).finally(() => preparing.delete(key));
    preparing.set(key, work);
  }
  return work;
}

async function both(plan: Plan): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const [what, make] of [['No state was saved', makeState], ['No accelerator was tried', prove]] as const) {
    try {
      await make(plan);
    } catch (error) {
      failures.push(`${what}: ${toDiskError(error).message}`);
    }
  }
  return failures;
}

/** Boots without an image and saves the machine. Tools come and go, so machines with them are not worth a state. */
async function makeState(plan: Plan): Promise<void> {
  const { guest, options } = plan;
  const { manifest } = guest;
  if (!manifest.machine.warm || manifest.system !== 'linux' || (options.tools ?? []).length > 0) return;
  const states = new SavedStates(plan.cache);
  const disks = options.disks.map(() => undefined);
  const key = states.key(plan.program, { ...plan.machine, disks }, plan.digest);
  if (states.find(key) !== undefined) return;
  const place = states.prepare(key);
  try {
    await withBareMachine(plan, machineArguments({ ...plan.machine, disks, state: { file: place.state.memory, use: 'make' } }), manifest.boot.deadline * 1000 * BOOT_PATIENCE * loadFactor(), async (process, machine) => {
      await machine.release();
      await saveState(process.qmp, place.state, manifest.name);
    });
    place.keep();
  } catch (error) {
    place.drop();
    throw error;
  }
}

/** Finds out whether the system's accelerator boots this guest, once. */
async function prove(plan: Plan): Promise<void> {
  const { guest, options, verdicts } = plan;
  const fast = options.accelerator === 'tcg' ? undefined : candidate(guest.manifest.architecture);
  if (fast === undefined || verdicts.get(fast) !== undefined || !guest.manifest.transport.agent) return;
  try {
    await withBareMachine(plan, machineArguments({ ...plan.machine, accelerator: fast }), PROOF_WITHIN * loadFactor(), async () => {});
    verdicts.set(fast, true);
  } catch {
    verdicts.set(fast, false);
  }
}

/** Boots a machine that has no disk of ours, does something with it and ends it. */
async function withBareMachine(plan: Plan, args: readonly string[], within: number, work: (process: MachineProcess, machine: LinuxMachine) => Promise<void>): Promise<void> {
  const { guest } = plan;
  const log = new LogBook();
  const disks = await MachineDisks.start([], log);
  const process = await MachineProcess.start({ program: plan.program, args, guest: guest.manifest.name, log, memory: plan.machine.memory, beforeKill: () => {}, background: true });
  // Nobody waits for it: it does not keep this process running, and ends with it.
  process.detach();
  void watchConsole(process.console, log);
  try {
    const machine = new LinuxMachine(guest, process, disks, log, { start: 'cold', accelerator: plan.machine.accelerator });
    await underWatch(process, machine.prepare(), within, {});
    await work(process, machine);
  } finally {
    await process.kill('killed', 'it is not needed any more');
  }
}

function throwIfAborted(options: LaunchOptions): void {
  if (options.signal?.aborted === true) throw cancelled();
}
