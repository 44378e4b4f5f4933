import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

const grid = (page: Page) => page.getByRole('grid');
const row = (page: Page, name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) }).first();
/** The dialog that is open; notices in the corner are alert dialogs, too. */
export const dialog = (page: Page) => page.locator('.modal .dialog');

/** Opens an image and unlocks it. */
export async function openUnlocked(page: Page, name = 'root.ext4'): Promise<void> {
  await openImage(page, name);
  await row(page, 'etc').waitFor();
  await page.keyboard.press('Control+Shift+e');
  await page.getByRole('button', { name: 'Lock again' }).waitFor();
}

/** Selects an entry by typing the beginning of its name; again where the list was shown anew meanwhile. */
export async function selectEntry(page: Page, name: string): Promise<void> {
  const selected = page.getByRole('row', { name: new RegExp(`^${name}`), selected: true });
  for (let tries = 0; ; tries++) {
    await grid(page).focus();
    await page.keyboard.type(name);
    try {
      await selected.waitFor({ timeout: tries < 5 ? 1500 : 8000 });
      return;
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

export async function renameEntry(page: Page, name: string, to: string): Promise<void> {
  await selectEntry(page, name);
  await page.keyboard.press('F2');
  await page.locator('input.rename').fill(to);
  await page.keyboard.press('Enter');
  await row(page, to).waitFor();
}

async function makeFolder(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+Shift+n');
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill(name);
  await page.keyboard.press('Enter');
  await row(page, name).waitFor();
}

/** Three pending changes. */
/** An Apply has failed when it had written a part. */
export async function applyHalfway(page: Page): Promise<void> {
  await openUnlocked(page, 'halfway.ext4');
  await makeFolder(page, 'drafts');
  await page.getByText('1 change pending').waitFor();
  await page.keyboard.press('Control+s');
  await page.getByRole('alert', { name: 'The image is changed in part' }).waitFor();
}

async function change(page: Page): Promise<void> {
  await openUnlocked(page);
  await renameEntry(page, 'picture', 'portrait.png');
  await makeFolder(page, 'drafts');
  await selectEntry(page, 'video');
  await page.keyboard.press('Delete');
  await dialog(page).getByRole('button', { name: 'Delete' }).click();
  await page.getByText('3 changes pending').waitFor();
  await row(page, 'video').waitFor({ state: 'detached' });
}

/** Duplicates what was copied, by a paste where names are taken. */
async function conflict(page: Page, name: string): Promise<void> {
  await openUnlocked(page);
  await selectEntry(page, 'etc');
  await page.keyboard.press('Control+c');
  await selectEntry(page, 'home');
  await page.keyboard.press('Enter');
  await row(page, 'ada').waitFor();
  await page.keyboard.press('Control+v');
  await row(page, name).waitFor();
  await page.keyboard.press('Control+v');
  await dialog(page).waitFor();
}

async function drag(page: Page, x: number, y: number, count = 2): Promise<void> {
  await page.evaluate(([left, top, files]) => {
    const dataTransfer = new DataTransfer();
    for (let i = 0; i < files!; i++) dataTransfer.items.add(new File([''], `${i}.img`));
    window.dispatchEvent(new DragEvent('dragover', { dataTransfer, cancelable: true, bubbles: true, clientX: left!, clientY: top! }));
  }, [x, y, count] as const);
  await page.locator('.drop-overlay').waitFor();
}

async function openNative(page: Page): Promise<void> {
  await page.getByRole('row', { name: /^root\.ext4/ }).first().click();
}

export { drag, openNative };

/** What stands about an image that can be changed, and each dialog of it. */
export const EDIT_VIEWS: readonly PageView[] = [
  { name: 'edit-unlocked', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); } },
  { name: 'edit-refused', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('row', { name: /rootfs|system/ }).last().dblclick(); await row(page, 'start').waitFor(); await selectEntry(page, 'start'); await page.keyboard.press('Shift+F10'); await page.getByText('can be read, not changed').waitFor(); } },
  { name: 'edit-pending', go: change },
  { name: 'edit-review', go: async (page) => { await change(page); await page.keyboard.press('Control+Shift+r'); await page.getByRole('table', { name: 'Changes in order' }).getByRole('row').nth(3).waitFor(); } },
  { name: 'edit-discard', go: async (page) => { await change(page); await page.getByRole('button', { name: 'Discard…' }).click(); await dialog(page).waitFor(); } },
  { name: 'edit-closing', go: async (page) => { await change(page); await grid(page).focus(); await page.keyboard.press('Control+w'); await dialog(page).waitFor(); } },
  { name: 'edit-save-as', go: async (page) => { await change(page); await page.getByRole('button', { name: 'Save as new image…' }).click(); await dialog(page).waitFor(); } },
  { name: 'edit-rename', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('F2'); await page.locator('.rename-hint').waitFor(); } },
  { name: 'edit-rename-wrong', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('F2'); await page.locator('input.rename').fill('a/b'); await page.getByText('separates folders').waitFor(); } },
  { name: 'edit-rename-hostile', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'invoice'); await page.keyboard.press('F2'); await page.getByText('can’t be shown').waitFor(); } },
  { name: 'edit-rename-long', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'a very'); await page.keyboard.press('F2'); await page.locator('input.rename').fill('é'.repeat(130)); await page.getByText('Too long by 5 bytes').waitFor(); } },
  { name: 'edit-new-link', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('Shift+F10'); await page.getByRole('menuitem', { name: /^New link/ }).click(); await dialog(page).waitFor(); } },
  { name: 'edit-new-folder', go: async (page) => { await openUnlocked(page); await page.keyboard.press('Control+Shift+n'); await dialog(page).getByRole('textbox').fill('etc'); await page.getByText('is there already').waitFor(); } },
  { name: 'edit-delete', go: async (page) => { await openUnlocked(page); await grid(page).focus(); await page.keyboard.press('Control+a'); await page.keyboard.press('Delete'); await page.getByTestId('delete-holds').waitFor(); await page.waitForTimeout(800); } },
  { name: 'edit-conflict', go: async (page) => { await conflict(page, 'etc'); } },
  { name: 'edit-losses', query: '?dialogs=native', go: async (page) => { await openNative(page); await row(page, 'etc').waitFor(); await page.keyboard.press('Control+Shift+e'); await page.getByRole('button', { name: 'Lock again' }).waitFor(); await page.evaluate(() => { const { innerWidth: w, innerHeight: h } = window; const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File([''], 'huge loss.iso')); window.dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true, bubbles: true, clientX: w * 0.7, clientY: h * 0.8 })); }); await dialog(page).waitFor(); } },
  { name: 'edit-put-path', go: async (page) => { await openUnlocked(page); await page.keyboard.press('Control+i'); await dialog(page).waitFor(); } },
  { name: 'edit-drop-copy', query: '?dialogs=native', go: async (page) => { await openNative(page); await row(page, 'etc').waitFor(); await page.keyboard.press('Control+Shift+e'); await page.getByRole('button', { name: 'Lock again' }).waitFor(); const box = (await row(page, 'home').boundingBox())!; await drag(page, box.x + 60, box.y + 8); } },
  { name: 'edit-drop-unlock', query: '?dialogs=native', go: async (page) => { await openNative(page); await row(page, 'etc').waitFor(); await drag(page, 700, 600); } },
  { name: 'edit-drag-within', go: async (page) => { await openUnlocked(page); const from = (await row(page, 'picture').locator('.entry').boundingBox())!; const to = (await row(page, 'home').locator('.entry').boundingBox())!; await page.mouse.move(from.x + 20, from.y + 8); await page.mouse.down(); await page.mouse.move(from.x + 30, from.y - 20, { steps: 4 }); await page.mouse.move(to.x + 20, to.y + 8, { steps: 4 }); await page.getByText('Move 1 item to').waitFor(); } },
  { name: 'edit-menu', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('Shift+F10'); await page.getByRole('menu').waitFor(); } },
  { name: 'edit-properties', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('Alt+Enter'); await dialog(page).getByRole('tab', { name: 'Permissions' }).click(); await dialog(page).getByRole('textbox', { name: 'Mode (octal)' }).fill('9'); await page.getByText('Up to four digits').waitFor(); } },
  { name: 'edit-properties-attribute', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('Alt+Enter'); await dialog(page).getByRole('tab', { name: 'Attributes' }).click(); await dialog(page).getByRole('button', { name: 'Add attribute…' }).click(); await dialog(page).getByRole('textbox', { name: 'Value' }).waitFor(); } },
  { name: 'edit-properties-times', go: async (page) => { await openUnlocked(page); await selectEntry(page, 'start'); await page.keyboard.press('Alt+Enter'); await dialog(page).getByRole('tab', { name: 'Times' }).click(); await dialog(page).getByRole('textbox', { name: 'Modified' }).fill('yesterday'); await page.getByText('Year-month-day').waitFor(); } },
  { name: 'edit-interrupted', go: async (page) => { await openImage(page, 'half-interrupted.ext4'); await page.getByRole('alert').waitFor(); } },
  { name: 'edit-finished', go: async (page) => { await openImage(page, 'finished-apply.ext4'); await page.getByText('was finished').first().waitFor(); } },
  { name: 'edit-foreign', go: async (page) => { await openImage(page, 'foreign-apply.ext4'); await page.getByRole('alert').waitFor(); } },
  { name: 'edit-halfway', go: applyHalfway },
  { name: 'edit-underneath', go: async (page) => { await openUnlocked(page, 'changed.ext4'); await page.getByRole('alert').waitFor(); } },
];

async function openCheck(page: Page, name: string): Promise<void> {
  await openImage(page, name);
  await row(page, 'etc').waitFor();
  await page.keyboard.press('Control+Shift+k');
  await dialog(page).waitFor();
}

/** The check of a filesystem, in each of its states. */
export const CHECK_VIEWS: readonly PageView[] = [
  { name: 'check-running', go: async (page) => { await openCheck(page, 'slow-check.ext4'); await page.getByText('Pass 1').waitFor(); } },
  { name: 'check-clean', go: async (page) => { await openCheck(page, 'root.ext4'); await page.getByText('The filesystem is clean').first().waitFor(); } },
  { name: 'check-findings', go: async (page) => { await openCheck(page, 'dirty.ext4'); await page.getByRole('button', { name: /^Unlock and repair/ }).waitFor(); await page.getByRole('option').nth(2).click(); } },
  { name: 'check-stopped', go: async (page) => { await openCheck(page, 'slow-check.ext4'); await page.getByText('Pass 1').waitFor(); await page.getByRole('button', { name: 'Stop' }).click(); await page.getByText('The check was stopped').first().waitFor(); } },
  { name: 'check-repaired', go: async (page) => { await openCheck(page, 'dirty.ext4'); await page.getByRole('button', { name: /^Unlock and repair/ }).click(); await page.getByText('The repair is a pending change').first().waitFor({ timeout: 15_000 }); } },
];
