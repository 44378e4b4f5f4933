import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

describe.skipIf(noBrowser !== undefined)(`the hex view${noBrowser === undefined ? '' : ` (skipped: ${noBrowser})`}`, () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  }, 120_000);
  afterAll(async () => harness?.close());
  afterEach(async () => page?.context().close());

  const dump = () => page.getByRole('grid', { name: /^Bytes of/ });
  const goField = () => page.getByRole('textbox', { name: 'Go to offset' });
  const active = async (): Promise<string> => page.evaluate(() => document.getElementById(document.querySelector('.hex-grid')?.getAttribute('aria-activedescendant') ?? '')?.getAttribute('aria-label') ?? '');
  const inspector = () => page.getByRole('complementary', { name: 'Inspector' });

  /** The bytes of an image that has no files. */
  async function openBytes(name: string): Promise<void> {
    page = await harness.page();
    await openImage(page, name);
    await page.getByRole('button', { name: 'Show bytes', exact: true }).click();
    await dump().waitFor();
  }

  async function goTo(text: string): Promise<void> {
    await page.keyboard.press('Control+g');
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }

  it('says what a byte is when the pointer is on it', async () => {
    await openBytes('torn.ext4');
    await goTo('0x418');
    const byte = page.locator('.hex-byte[data-at="1048"]');
    await byte.hover();
    await page.getByRole('tooltip').waitFor();
    await expect.poll(() => page.getByRole('tooltip').textContent()).toBe('s_log_block_size = 2 → 4096');
    // The whole field is shown as one, the one before it is another.
    await expect.poll(() => page.locator('.hex-byte.is-lit').evaluateAll((cells) => cells.map((cell) => cell.getAttribute('data-at')))).toEqual(['1048', '1049', '1050', '1051']);
    await inspector().getByText('ext4_super_block').waitFor();
    await expect.poll(() => inspector().innerText()).toMatch(/Field\s+s_log_block_size[\s\S]*Value\s+2[\s\S]*Meaning\s+4096/);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('tooltip').count()).toBe(0);
  }, 60_000);

  it('tells a screen reader the byte with the focus and its field', async () => {
    await openBytes('torn.ext4');
    await expect.poll(() => dump().getAttribute('aria-rowcount')).toBe('4194304');
    await goTo('1048');
    await expect.poll(active).toBe('0x418: 02, s_log_block_size = 2 → 4096');
    await page.keyboard.press('ArrowRight');
    expect(await active()).toBe('0x419: 00, s_log_block_size = 2 → 4096');
    await page.keyboard.press('ArrowDown');
    expect(await active()).toBe('0x429: 00, superblock');
  }, 60_000);

  it('goes by keyboard, selects and copies', async () => {
    await openBytes('mystery.bin');
    await expect.poll(active).toMatch(/^0x0: 43/);
    await page.keyboard.press('End');
    expect(await active()).toMatch(/^0xf:/);
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await inspector().getByText('0x0 to 0x2, 3 bytes').waitFor();
    await page.keyboard.press('Control+c');
    await page.getByText('3 bytes copied').waitFor();
    await page.keyboard.press('PageDown');
    expect(Number.parseInt((await active()).split(':')[0]!, 16)).toBeGreaterThan(100);
    await page.keyboard.press('Control+End');
    await expect.poll(active).toMatch(/^0x3ffffff: [0-9a-f]{2}/);
    await page.keyboard.press('Control+Home');
    await expect.poll(active).toMatch(/^0x0: 43/);
  }, 60_000);

  it('goes to offsets as they are typed, and back through the history', async () => {
    await openBytes('mystery.bin');
    await goTo('sector 5');
    await expect.poll(active).toMatch(/^0xa00: /);
    await goTo('+16');
    await expect.poll(active).toMatch(/^0xa10: /);
    await goTo('nowhere');
    await page.getByRole('alert').getByText('Type 0x8100').waitFor();
    await expect.poll(() => goField().getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.press('Escape');
    await expect.poll(() => dump().evaluate((grid) => grid === document.activeElement)).toBe(true);
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(active).toMatch(/^0xa00: /);
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(active).toMatch(/^0x0: /);
    await page.keyboard.press('Alt+ArrowUp');
    await page.getByText('Nothing known was found').waitFor();
  }, 60_000);

  it('goes to the places that the engine knows', async () => {
    await openBytes('torn.ext4');
    await page.getByRole('button', { name: 'Go to…' }).click();
    await page.getByRole('menuitem', { name: /group descriptors/ }).click();
    await expect.poll(active).toMatch(/^0x1000: /);
    await expect.poll(() => dump().evaluate((grid) => grid === document.activeElement)).toBe(true);
  }, 60_000);

  it('shows the end of 2^53 bytes, and moves there by single rows', async () => {
    await openBytes('vast.img');
    await expect.poll(() => dump().getAttribute('aria-rowcount')).toBe('-1');
    await page.keyboard.press('Control+End');
    await expect.poll(active).toMatch(/^0x1ffffffffffffe: [0-9a-f]{2}/);
    const height = await dump().evaluate((grid) => grid.scrollHeight);
    expect(height).toBeLessThan(16_000_000);
    await page.locator('.hex-offset', { hasText: '1ffffffffffff0' }).waitFor();
    await page.keyboard.press('ArrowUp');
    expect(await active()).toMatch(/^0x1fffffffffffee: /);
    // The wheel moves by rows, not by the millions that a pixel of the scroll bar stands for.
    const first = async (): Promise<number> => Number.parseInt(await page.locator('.hex-window .hex-offset').first().innerText(), 16);
    await expect.poll(first).toBeGreaterThan(2 ** 52);
    const before = await first();
    await dump().hover();
    await page.mouse.wheel(0, -100);
    await expect.poll(first).toBe(before - 5 * 16);
    await dump().evaluate((grid) => { grid.scrollTop = 0; });
    await expect.poll(first).toBe(0);
  }, 60_000);

  it('finds bytes and text, forward and backward', async () => {
    await openBytes('torn.ext4');
    await page.keyboard.press('Control+f');
    await page.keyboard.type('root');
    await page.keyboard.press('Enter');
    await page.locator('.hex-status', { hasText: 'Found at 0x478' }).waitFor();
    await inspector().getByText('s_volume_name').waitFor();
    await inspector().getByText('0x478 to 0x47b, 4 bytes').waitFor();
    await page.getByRole('button', { name: 'Hex', exact: true }).click();
    await page.getByRole('textbox', { name: 'Find', exact: true }).fill('53 ef');
    await page.keyboard.press('Shift+Enter');
    await page.locator('.hex-status', { hasText: 'Found at 0x438' }).waitFor();
    await page.getByRole('textbox', { name: 'Find', exact: true }).fill('5');
    await page.keyboard.press('Enter');
    await page.getByText('two digits each').waitFor();
    await expect.poll(() => page.getByRole('textbox', { name: 'Find', exact: true }).getAttribute('aria-invalid')).toBe('true');
  }, 60_000);

  it('shows a file’s bytes from its context menu, and up leads to it', async () => {
    page = await harness.page();
    await openImage(page, 'root.ext4');
    await page.getByRole('row', { name: /start\.sh/ }).first().locator('.entry').click({ button: 'right' });
    await page.getByRole('menuitem', { name: /Show bytes/ }).click();
    await page.getByRole('grid', { name: 'Bytes of start.sh' }).waitFor();
    await page.keyboard.press('Alt+ArrowUp');
    await page.getByRole('row', { name: /start\.sh/ }).first().waitFor();
    await page.getByRole('row', { name: /etc/ }).first().locator('.entry').click({ button: 'right' });
    await expect.poll(() => page.getByRole('menuitem', { name: /Show bytes/ }).innerText()).toContain('Only files have bytes to show');
  }, 60_000);

  it('leads from the place of an error to its bytes', async () => {
    page = await harness.page();
    await openImage(page, 'torn.ext4');
    await page.getByRole('button', { name: /Show the bytes: group descriptor 0/ }).click();
    await expect.poll(active).toMatch(/^0x1000: /);
  }, 60_000);

  it('shows eight bytes a row where there is no room for sixteen', async () => {
    await openBytes('torn.ext4');
    await page.setViewportSize({ width: 590, height: 600 });
    await expect.poll(async () => dump().getAttribute('aria-colcount')).toBe('9');
    await goTo('0x418');
    await expect.poll(active).toBe('0x418: 02, s_log_block_size = 2 → 4096');
  }, 60_000);

  it('escapes hostile text, and nothing of it moves the dump', async () => {
    await openBytes('torn.ext4');
    await goTo('0x478');
    await inspector().getByText('gpj.exe').first().waitFor();
    await expect.poll(() => page.evaluate(() => document.querySelector('.hex-page')!.scrollWidth <= document.querySelector('.hex-page')!.clientWidth)).toBe(true);
    await page.locator('.hex-byte[data-at="1144"]').hover();
    const tip = (await page.getByRole('tooltip').boundingBox())!;
    expect(tip.x + tip.width).toBeLessThanOrEqual(1180);
    expect((await page.getByRole('tooltip').textContent())!.length).toBeLessThanOrEqual(160);
  }, 60_000);
});
