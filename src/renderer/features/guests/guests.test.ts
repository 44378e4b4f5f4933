import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { unsafeText } from '../../testing/checks.ts';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const dialog = (page: Page) => page.getByRole('dialog');
const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const sidebar = (page: Page) => page.getByRole('navigation', { name: 'Images and volumes' });
const said = (page: Page) => page.getByTestId('announcer').innerText();
const lines = (page: Page) => page.getByRole('region', { name: 'Lines of the log' });
const copied = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied.at(-1) ?? '');

describe.skipIf(noBrowser !== undefined)('guests', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(() => page?.context().close());
  afterAll(() => harness?.close());

  async function show(name: string, query?: string): Promise<void> {
    page = await harness.page(query);
    await openImage(page, name);
  }

  async function showGuests(query?: string): Promise<void> {
    page = await harness.page(query);
    await page.keyboard.press('Control+Shift+G');
    await page.getByRole('heading', { level: 1, name: 'Guests' }).waitFor();
  }

  test('an image with nothing but a volume for a guest opens right away, and says by what it is served', async () => {
    await show('xfs.img');
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => page.getByRole('tabpanel').getByText('Guest: Linux 6.12').count()).toBeGreaterThan(0);
    await expect.poll(() => sidebar(page).getByRole('row', { name: /archive/ }).innerText()).toContain('Guest: Linux 6.12');
  }, 60_000);

  test('the steps of a start are told while it goes on, and Cancel leaves the image as it was', async () => {
    await show('slow-xfs.img');
    const steps = page.getByRole('list', { name: 'What is being done' });
    await expect.poll(() => steps.innerText()).toContain('mount -t xfs -o ro,norecovery: under way');
    await expect.poll(() => steps.innerText()).toMatch(/kernel 6\.12\.48: booted\s+1\.8 s/);
    await page.getByText('Guest: Linux 6.12, starting').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'This volume is XFS' }).waitFor();
    await expect.poll(() => said(page)).toBe('Linux 6.12 was stopped before the volume was open');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
  }, 60_000);

  test('what a guest could not open is told with its words, and another one can try', async () => {
    await show('refused-xfs.img');
    await page.getByRole('heading', { name: 'Linux 6.12 could not open it' }).waitFor();
    await page.getByText('Unsupported superblock version').first().waitFor();
    await page.getByRole('button', { name: 'Open with…', exact: true }).click();
    await expect.poll(() => dialog(page).getByRole('option').allInnerTexts()).toEqual(expect.arrayContaining([expect.stringMatching(/Linux 6\.12\s+read and write, starts Linux 6\.12, about 3 s/), expect.stringMatching(/Linux 5\.10\s+refused[^]*not built/)]));
    await dialog(page).getByRole('option', { name: /Linux 7\.2/ }).click();
    await dialog(page).getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByRole('heading', { name: 'Linux 7.2 could not open it' }).waitFor();
  }, 60_000);

  test('a guest that is not built is built from the volume that needs it, and then opens it', async () => {
    await show('sysv.img');
    await page.getByText('downloads about 96.0 MiB').waitFor();
    await page.getByRole('button', { name: 'Build Linux 5.10' }).click();
    await page.getByRole('button', { name: 'Open with Linux 5.10' }).click();
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => page.getByRole('tabpanel').getByText('Guest: Linux 5.10').count()).toBeGreaterThan(0);
  }, 60_000);

  test('without QEMU it says how to get it, and looks again when asked', async () => {
    await show('sysv.img', '?guests=noqemu');
    await page.getByText('apt install qemu-system-x86').waitFor();
    await page.evaluate(() => (globalThis as unknown as { fake: { guests: { install(): void } } }).fake.guests.install());
    await page.getByRole('button', { name: 'Look again' }).click();
    await expect.poll(() => page.getByRole('button', { name: 'Build Linux 5.10' }).count()).toBe(1);
  }, 60_000);

  test('what an engine of ours refuses is offered to a guest', async () => {
    await show('unsupported.ext4');
    await page.getByRole('heading', { name: 'Linux 6.12 may open it all the same' }).waitFor();
    await page.getByRole('button', { name: 'Open with Linux 6.12' }).click();
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => page.getByRole('tabpanel').getByText('Guest: Linux 6.12').count()).toBeGreaterThan(0);
  }, 60_000);

  test('map, list and sidebar tell volumes for guests; Enter on one opens it', async () => {
    await show('guests.img');
    const map = page.getByRole('listbox', { name: 'Partition map' });
    await expect.poll(() => map.getByRole('option').evaluateAll((slices) => slices.map((slice) => slice.getAttribute('aria-label')))).toEqual([
      expect.stringContaining('boot, ext4'), '2: data, XFS, 1.56 GiB, opens in a guest', expect.stringMatching(/music, Btrfs.*Guest: Linux 6\.12/), expect.stringMatching(/old, JFS.*Guest: Linux 6\.12/),
    ]);
    await expect.poll(() => page.getByRole('grid', { name: 'Volumes' }).getByRole('row', { name: /data/ }).innerText()).toContain('Guest needed');
    await expect.poll(() => sidebar(page).getByRole('row', { name: /music/ }).innerText()).toContain('Guest: Linux 6.12, idle');
    await map.getByRole('option', { name: /data/ }).click();
    await page.keyboard.press('Enter');
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => sidebar(page).getByRole('row', { name: /data/ }).innerText()).toContain('Guest: Linux 6.12');
  }, 60_000);

  test('a guest that died is told with the cause, as text, and is started again', async () => {
    await show('guests.img');
    await sidebar(page).getByRole('row', { name: /old/ }).click();
    const bar = page.getByRole('alert', { name: 'Linux 6.12 ended while it served this volume' });
    await expect.poll(() => bar.innerText()).toContain('\\x1b[31mjfs: bad inode \\u{202e}4711');
    await bar.getByRole('button', { name: 'Guest’s log' }).click();
    await lines(page).waitFor();
    await page.keyboard.press('Alt+ArrowLeft');
    await row(page, /^etc\b/).dblclick();
    await row(page, /^passwd/).waitFor();
    await bar.getByRole('button', { name: 'Start again' }).click();
    await page.getByText('Guest: Linux 6.12, starting').waitFor();
    // Where one was.
    await row(page, /^passwd/).waitFor();
    await expect.poll(() => bar.count()).toBe(0);
  }, 60_000);

  test('the log follows its end, is narrowed by origin, copied and saved; nothing in it acts', async () => {
    await show('guests.img');
    await sidebar(page).getByRole('row', { name: /music/ }).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Guest’s log' }).click();
    await page.getByText(/serving, word 1\d/).first().waitFor();
    await expect.poll(() => lines(page).evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight)).toBeLessThan(20);
    await lines(page).focus();
    await page.keyboard.press('Home');
    await page.getByText('red alert').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Follow the end' }).getAttribute('aria-pressed')).toBe('false');
    await expect.poll(() => lines(page).innerText()).toContain('\\u{202e}gnp.exe\\x00');
    await page.getByText('… 8,000 more characters').waitFor();
    expect(await unsafeText(page)).toEqual([]);
    await page.getByRole('radio', { name: /^QEMU/ }).click();
    await expect.poll(() => lines(page).innerText()).toMatch(/^\s*1\.910 s\s+QEMU\s+warning: TCG/);
    await page.getByRole('radio', { name: /^Console/ }).click();
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await expect.poll(() => copied(page)).toContain(`Console\t${'x'.repeat(10_000)}\n`);
    await expect.poll(() => copied(page)).toContain('\\x1b[31mred alert\\x1b[0m');
    // oxlint-disable-next-line no-control-regex
    expect(await copied(page)).not.toMatch(/[\u0000-\u0008\u001b\u202e]/);
    await page.getByRole('button', { name: 'Save…' }).click();
    await dialog(page).getByRole('textbox', { name: 'Folder' }).fill('/home/ada');
    await expect.poll(() => dialog(page).getByRole('textbox', { name: 'Name' }).inputValue()).toBe('linux-6.12 log.txt');
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await page.getByText('Log saved as linux-6.12 log.txt').first().waitFor();
  }, 90_000);

  test('the page of guests builds with progress, stops, removes, adds, and opens a guest’s own trees', async () => {
    await showGuests();
    const guest = (name: string) => page.getByRole('list', { name: 'All guests' }).getByRole('listitem', { name, exact: true });
    await page.evaluate(() => { (globalThis as unknown as { fake: { hold: boolean } }).fake.hold = true; });
    await page.getByRole('button', { name: 'Build Linux 5.10' }).click();
    await guest('Linux 5.10').getByText('Building, 50 %').waitFor();
    await page.getByRole('region', { name: 'Transfers' }).getByText('linux-image-5.10.0-32-amd64').waitFor();
    await page.getByRole('button', { name: 'Cancel building Linux 5.10' }).click();
    await expect.poll(() => guest('Linux 5.10').innerText()).toContain('Not built');
    await page.evaluate(() => { (globalThis as unknown as { fake: { hold: boolean } }).fake.hold = false; });
    await page.getByRole('button', { name: 'Build Linux 5.10' }).click();
    await guest('Linux 5.10').getByText('kernel 5.10.234-1').waitFor();
    await expect.poll(() => guest('Linux 5.10').innerText()).toMatch(/Built/);
    await page.getByRole('button', { name: 'Remove Linux 5.10' }).click();
    // Leaving is what Enter does.
    await page.getByRole('alertdialog', { name: /^Remove/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('alertdialog', { name: /^Remove/ }).waitFor({ state: 'detached' });
    await expect.poll(() => guest('Linux 5.10').innerText()).toMatch(/Built/);
    await page.getByRole('button', { name: 'Remove Linux 5.10' }).click();
    await page.getByRole('alertdialog', { name: /^Remove/ }).getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => guest('Linux 5.10').innerText()).toContain('Not built');
    await page.getByRole('button', { name: 'Add a guest…' }).click();
    await dialog(page).getByRole('textbox').fill('/home/ada/nothing');
    await page.keyboard.press('Enter');
    await dialog(page).getByText('There is no guest.yml').waitFor();
    await dialog(page).getByRole('textbox').fill('/home/ada/plan9');
    await page.keyboard.press('Enter');
    await guest('plan9').waitFor();
    await expect.poll(() => guest('plan9').innerText()).toContain('Added by you');
    await page.getByRole('button', { name: 'Open Processes of Linux 6.12', exact: true }).click();
    await page.getByRole('tab', { name: 'procfs' }).waitFor();
    await row(page, /^etc\b/).waitFor();
  }, 90_000);

  test('a guest whose description is wrong is shown with what is wrong, and can be taken away', async () => {
    await showGuests('?guests=bad');
    const list = page.getByRole('list', { name: 'Guests whose description is wrong' });
    await expect.poll(() => list.getByRole('listitem').count()).toBe(2);
    await expect.poll(() => list.innerText()).toContain('guest.yml:7: boot.deadline: a number of seconds is wanted');
    expect(await unsafeText(page)).toEqual([]);
    await list.getByRole('button', { name: 'Remove openbsd-mine' }).click();
    await page.getByRole('alertdialog', { name: /^Remove/ }).getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => list.getByRole('listitem').count()).toBe(1);
    // The other one has a name that no guest can have: it is the person's folder to tidy up.
    expect(await list.getByRole('button').count()).toBe(0);
  }, 60_000);

  test('the page is reached and left by the keyboard', async () => {
    await show('root.ext4');
    await row(page, /^etc\b/).waitFor();
    await page.keyboard.press('Control+Shift+G');
    await page.getByRole('tab', { name: 'Guests', selected: true }).waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Guests');
    await page.keyboard.press('Shift+Tab');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Back');
    await page.keyboard.press('Enter');
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => page.getByRole('tab', { name: 'Guests' }).count()).toBe(0);
  }, 60_000);

  test('the matrix is a grid for the arrow keys: each cell says its reason and what has shown it', async () => {
    await showGuests();
    await page.getByRole('radio', { name: 'Support matrix' }).click();
    const grid = page.getByRole('grid', { name: 'What opens what' });
    const told = page.getByRole('region', { name: 'Why' });
    const at = () => page.evaluate(() => { const { row: r, column } = (document.activeElement as HTMLElement).dataset; return `${r},${column}`; });
    await expect.poll(() => grid.getByRole('columnheader').allInnerTexts()).toEqual(['Filesystem', 'Clutch', 'Linux 6.12', 'Linux 7.2', 'Linux 5.10', 'Linux 6.12 on s390x', 'NetBSD \\u{202e}10']);
    await page.getByRole('searchbox').fill('xf');
    await expect.poll(() => grid.getByRole('rowheader').allInnerTexts()).toEqual(['XFS']);
    await page.getByRole('searchbox').fill('');
    await page.getByRole('radio', { name: 'Guests alone' }).click();
    await expect.poll(() => grid.getByRole('rowheader').allInnerTexts()).toContain('XFS');
    await expect.poll(() => grid.getByRole('rowheader').allInnerTexts()).not.toContain('ext4');
    await page.getByRole('radio', { name: 'All', exact: true }).click();
    // One cell is in the order of Tab.
    await expect.poll(() => grid.locator('[tabindex="0"]').count()).toBe(1);
    await grid.locator('[tabindex="0"]').focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(at).toBe('1,2');
    await page.keyboard.press('Control+End');
    const last = await at();
    await page.keyboard.press('ArrowDown');
    expect(await at()).toBe(last);
    await page.keyboard.press('Control+Home');
    await expect.poll(at).toBe('0,0');
    const xfs = grid.getByRole('row', { name: /^XFS/ }).getByRole('gridcell');
    await xfs.nth(1).focus();
    await expect.poll(() => told.innerText()).toMatch(/XFS with Linux 6\.12: Read and write[^]*written, xfs_repair -n clean/);
    await expect.poll(() => xfs.nth(1).getAttribute('aria-describedby')).toBe('matrix-told');
    await xfs.nth(3).hover();
    await expect.poll(() => told.innerText()).toContain('XFS with Linux 5.10: Not built, would read and write');
    await grid.getByRole('gridcell', { name: 'Known bad' }).first().hover();
    await expect.poll(() => told.innerText()).toContain('A write test damaged its root');
  }, 60_000);

  test('the ways to mount are told by system: what each is, where it was tried, where not, and where it is of no use', async () => {
    await showGuests();
    await page.getByRole('radio', { name: 'Ways to mount' }).click();
    const table = page.getByRole('table', { name: 'What makes it a folder or a drive' });
    await expect.poll(() => table.getByRole('columnheader').allInnerTexts()).toEqual(['Way', 'Linux', 'macOS', 'Windows']);
    const cells = (way: RegExp) => table.getByRole('row', { name: way }).getByRole('cell').allInnerTexts();
    await expect.poll(() => cells(/^FUSE/)).toEqual(['Tried: the kernel, as root and by fusermount3', 'Not for this system', 'Not for this system']);
    await expect.poll(() => cells(/^WinFsp/)).toEqual(['Not for this system', 'Not for this system', 'Not tried']);
    await expect.poll(() => table.getByRole('rowheader', { name: /^WinFsp/ }).innerText()).toContain('A drive of Windows');
  }, 60_000);

  test('the heads of the matrix stay in sight in a small window', async () => {
    page = await harness.page('', 'light', { width: 590, height: 370 });
    await page.keyboard.press('Control+Shift+G');
    await page.getByRole('radio', { name: 'Support matrix' }).click();
    const grid = page.getByRole('grid', { name: 'What opens what' });
    await grid.locator('[tabindex="0"]').focus();
    await page.keyboard.press('Control+End');
    const box = await page.locator('.matrix-box').boundingBox();
    const corner = await grid.getByRole('columnheader', { name: 'Filesystem' }).boundingBox();
    const cell = await page.locator(':focus').boundingBox();
    expect(corner).toMatchObject({ x: box!.x, y: box!.y });
    expect(cell!.x).toBeGreaterThanOrEqual(corner!.x + corner!.width - 1);
    expect(cell!.y + cell!.height).toBeLessThanOrEqual(box!.y + box!.height + 1);
  }, 60_000);

  test('a filesystem’s own tool is heard live, verbatim and harmless; its repair is a pending change', async () => {
    await show('broken-xfs.img');
    await row(page, /^etc\b/).waitFor();
    await page.keyboard.press('Control+Shift+k');
    await dialog(page).getByText('The tool found errors').waitFor();
    await dialog(page).getByText('Checked by xfs_repair 6.13.0, in Linux 6.12, exit status 1').waitFor();
    const output = dialog(page).getByRole('region', { name: 'Lines of the tool' });
    await output.focus();
    await page.keyboard.press('Home');
    await expect.poll(() => output.innerText()).toContain('entry "\\u{202e}evil" in directory inode 128 would have been junked');
    await dialog(page).getByRole('button', { name: 'Copy report' }).click();
    await expect.poll(() => copied(page)).toContain('sb_ifree 59, counted 61');
    await dialog(page).getByRole('button', { name: 'Unlock and repair' }).click();
    await dialog(page).getByText('The tool repaired what it found').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByTestId('pending').innerText()).toContain('1 change pending');
    await page.keyboard.press('Control+Shift+k');
    await dialog(page).getByText('The filesystem is clean').waitFor();
    await expect.poll(() => dialog(page).getByRole('button', { name: 'Repair' }).count()).toBe(0);
  }, 90_000);

  test('a tool that only looks offers no repair; one that goes on can be stopped', async () => {
    await show('looks-xfs.img');
    await row(page, /^etc\b/).waitFor();
    await page.keyboard.press('Control+Shift+k');
    await dialog(page).getByText('This tool only looks; it can’t repair.').waitFor();
    await expect.poll(() => dialog(page).getByRole('button', { name: /repair/i }).count()).toBe(0);
  }, 60_000);
});
