import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { build, hasTool } from '../src/engines/testing/recipes/build.ts';
import { FOREIGN, FOREIGN_FILES } from '../src/engines/testing/recipes/foreign.ts';
import { missingTools } from '../src/engines/testing/tools.ts';
import { missingGuest } from '../src/host/guests/testing/built.ts';
import { type Display, startDisplay } from './harness/display.ts';
import { scratch } from './harness/image.ts';
import { endAll, has } from './harness/processes.ts';
import { answerDialog, type Desktop, dropFiles, startElectron, until } from './harness/window.ts';
import { nothingLeft } from './scenarios/browse.ts';
import { tidyUp } from './scenarios/client.ts';
import { BOOT, editsByGuest, type GuestClient, machinesOf, repairsByGuest, showsLogAndMatrix, startsAgain } from './scenarios/guests.ts';

const xfs = FOREIGN.find(({ name }) => name === 'xfs')!;
const reiserfs = FOREIGN.find(({ name }) => name === 'reiserfs')!;
const tools = [...xfs.tools, 'xfs_repair', 'xfs_db', ...reiserfs.tools, 'reiserfsck'].filter((tool) => !hasTool(tool));
const why = tools.length > 0 ? missingTools(...tools) ?? `needs ${tools.join(' and ')}` : has('Xvfb') ? await missingGuest('linux-6.12') : 'needs Xvfb';

/** Several boots each. */
const LIMIT = 4 * BOOT;

describe.skipIf(why !== undefined)(`guests in Electron${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('guests');
  let display: Display;
  let desktop: Desktop;
  let client: GuestClient;
  let xfsImage = '';
  let reiserfsImage = '';

  beforeAll(async () => {
    xfsImage = build(xfs, 'foreign').image;
    reiserfsImage = build(reiserfs, 'foreign').image;
    display = await startDisplay();
    desktop = await startElectron(display, join(folder, 'settings'));
    const { page, app } = desktop;
    client = {
      name: 'electron', page, pid: app.process().pid!,
      open: (image) => dropFiles(page, [image]),
      async put(path) {
        await answerDialog(desktop, path);
        await page.keyboard.press('Control+i');
      },
      async choose(target) {
        await answerDialog(desktop, target);
        await page.getByRole('dialog').getByRole('button', { name: 'Choose folder…' }).click();
      },
    };
  }, BOOT);

  afterEach(() => tidyUp(client.page));

  afterAll(async () => {
    const machines = desktop === undefined ? [] : machinesOf(client.pid);
    await desktop?.close();
    display?.end();
    endAll();
    await until(() => {
      if (machines.some(runs)) throw new Error(`emulators are left: ${machines.filter(runs).join(', ')}`);
    }, BOOT);
    nothingLeft(folder);
    rmSync(folder, { recursive: true, force: true });
  }, BOOT);

  it('reads, changes and applies an XFS image that is dropped; xfs_repair finds nothing', () => editsByGuest(client, xfsImage, join(folder, 'xfs'), 'xfs', ['NUMBERS.TXT', FOREIGN_FILES['/NUMBERS.TXT']!], ['xfs_repair', '-n']), LIMIT);
  it('reads, changes and applies a ReiserFS image that is dropped; reiserfsck finds nothing', () => editsByGuest(client, reiserfsImage, join(folder, 'reiserfs'), 'reiserfs', undefined, ['reiserfsck', '--check', '-q', '-y']), LIMIT);
  it('shows the log of a guest, and what opens what', () => showsLogAndMatrix(client, xfsImage, join(folder, 'log')), LIMIT);
  it('shows what xfs_repair says of a damaged image, and repairs it', () => repairsByGuest(client, xfsImage, join(folder, 'check')), LIMIT);
  it('says that a guest was killed, and starts it again', () => startsAgain(client, xfsImage, join(folder, 'killed')), LIMIT);
});

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
