import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Images } from '../harness/images.setup.ts';
import { browsesAndPreviews, extractsAll, showsRoot } from './browse.ts';
import { worksByKeyboardAlone } from './keyboard.ts';
import { makesChecksums } from './checksums.ts';
import { closeTab, dismissAll, tidyUp, type TestClient } from './client.ts';
import { notesInode, recoversInMemory, usesBackup } from './damage.ts';
import { listsDisks, noDisk } from './devices.ts';
import { showsDisk } from './disk.ts';
import { asksBeforeClosing, checksAndRepairs, editsAndApplies, editsByKeyboardAlone } from './editing.ts';
import { showsBytes } from './hex.ts';
import { closesAllTheSame, mountsAsAsked, mountsForPrograms, noMount, tellsOfTheEnd } from './mounts.ts';
import { showsSpace } from './space.ts';
import { showsProperties } from './properties.ts';
import { takesUpCancelled } from './transfers.ts';
import { namesUnknown, triesSample } from './opening.ts';
import { looksQuickly } from './preview.ts';
import { keepsSettings, reopensTab, runsFromPalette } from './shell.ts';
import { bearsHostileNames, cancelsAtOnce, extractsCrowd, settlesConflicts } from './extract.ts';
import { findsAndFilters, noMillion, searchesAMillion } from './search.ts';

/**
 * What every client of the contract must manage, one window after the other tab by tab.
 * @param folder of this client alone, for what it extracts
 */
export function everyClient(client: () => TestClient, images: Images, folder: string): void {
  // What one leaves behind, having failed, is no burden to the next.
  afterEach(() => tidyUp(client().page));

  it('browses, previews, and extracts everything as it was', async () => {
    await client().open(images.holiday);
    const { page } = client();
    await showsRoot(page);
    await browsesAndPreviews(page);
    const target = join(folder, 'all');
    mkdirSync(target);
    await extractsAll(client(), images.tree, target);
    await dismissAll(page);
    await page.keyboard.press('Control+h');
    await page.keyboard.press('Alt+p');
    await closeTab(page, 'holiday.img');
  });

  it('works by the keyboard alone, heard as a screen reader tells it', () => worksByKeyboardAlone(client(), images.holiday, 'holiday.img', images.tree, join(folder, 'keys')));
  it('shows a compressed disk with its partitions, known and not', () => showsDisk(client(), images.disk, 'disk.img.gz'));
  it('tries the sample that is shipped with it', () => triesSample(client()));
  it('names what it has no engine for, and tries what it is told to', () => namesUnknown(client(), join(folder, 'unknown')));
  it('extracts a crowd of small files as they were', () => extractsCrowd(client(), images.crowd, 'crowd.img', images.crowdTree, join(folder, 'crowd')));
  it('asks about names that are taken, and never replaces by default', () => settlesConflicts(client(), images.holiday, 'holiday.img', join(folder, 'conflicts')));
  it('cancels an extraction at once and leaves nothing half done', async () => {
    console.log(`measured: ${client().name}: an extraction cancelled after ${Math.round(await cancelsAtOnce(client(), images.big, 'big.img', join(folder, 'big')))} ms; aim 200 ms`);
  });
  it('finds a file three levels down and goes there, filters, selects by pattern', () => findsAndFilters(client(), images.holiday, 'holiday.img'));
  it.skipIf(noMillion !== undefined)(`searches a million files at once${noMillion ? ` (${noMillion})` : ''}`, async () => {
    const { first, stop } = await searchesAMillion(client());
    console.log(`measured: ${client().name}: a million files: first hit after ${Math.round(first)} ms, stopped after ${Math.round(stop)} ms; aim 200 ms each`);
    expect(first).toBeGreaterThan(0);
    expect(stop).toBeGreaterThan(0);
  });
  it('takes up what was cancelled, and says how far it is', () => takesUpCancelled(client(), images.big, 'big.img', join(folder, 'again')));
  it('shows where the space goes', () => showsSpace(client(), images.holiday, 'holiday.img', images.tree));
  it('shows the bytes of a volume with what they are', () => showsBytes(client(), images.holiday, 'holiday.img', images.tree));
  it('looks at entries quickly', () => looksQuickly(client(), images.holiday, 'holiday.img'));
  it('makes checksums and compares them', () => makesChecksums(client(), images.holiday, 'holiday.img', images.tree));
  it('shows the properties of a file as debugfs tells them, with the names of its people, and copies them', () => showsProperties(client(), join(folder, 'people')));
  it('runs what the palette finds', () => runsFromPalette(client(), images.holiday, 'holiday.img'));
  it('reopens a closed tab where it was', () => reopensTab(client(), images.holiday, 'holiday.img'));
  it('keeps settings in a file, and follows what is written into it', () => keepsSettings(client()));
  it('unlocks, copies in, renames, deletes, undoes, reviews and applies; e2fsck finds nothing', () => editsAndApplies(client(), images.holiday, join(folder, 'edit')));
  it('asks before it closes what has pending changes', () => asksBeforeClosing(client(), images.holiday, join(folder, 'pending')));
  it('edits by the keyboard alone, heard as a screen reader tells it', () => editsByKeyboardAlone(client(), images.holiday, join(folder, 'edit-keys')));
  it('checks a damaged filesystem and repairs it', () => checksAndRepairs(client(), images.holiday, join(folder, 'check')));
  it.skipIf(noMount !== undefined)(`mounts by one click for other programs, which read and write there; e2fsck finds nothing${noMount ? ` (${noMount})` : ''}`, () => mountsForPrograms(client(), images.holiday, images.tree, join(folder, 'mounts')));
  it.skipIf(noDisk !== undefined)(`lists disks as they come and go${noDisk ? ` (${noDisk})` : ''}`, () => listsDisks(client(), join(folder, 'plugged.img')));
  it.skipIf(noMount !== undefined)(`mounts as it was asked to${noMount ? ` (${noMount})` : ''}`, () => mountsAsAsked(client(), images.holiday, 'holiday.img', join(folder, 'mounted-at')));
  it.skipIf(noMount !== undefined)(`asks before it closes what is mounted and in use${noMount ? ` (${noMount})` : ''}`, () => closesAllTheSame(client(), images.holiday, 'holiday.img'));
  it.skipIf(noMount !== undefined)(`tells of a mount that others end, and leaves none behind${noMount ? ` (${noMount})` : ''}`, () => tellsOfTheEnd(client(), images.holiday, 'holiday.img'));
  it('bears hostile names', () => bearsHostileNames(client(), images.hostile, 'hostile.img', join(folder, 'hostile', 'out')));
  it('opens by the backup superblock, and says so', () => usesBackup(client(), images.withoutPrimary, 'no-primary.img'));
  it('notes a damaged inode with its place', () => notesInode(client(), images.badInode, 'bad-inode.img', images.badInodeNumber));
  const { dirty, dirtyWhyNot } = images;
  it.skipIf(dirty === undefined)(`replays a journal without touching the image${dirtyWhyNot ? ` (${dirtyWhyNot})` : ''}`, () => recoversInMemory(client(), dirty!, 'dirty.img'));
}
