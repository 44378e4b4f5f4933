import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe-core finds on a page as lines of "rule: elements"; empty when it is sound. The policy forbids inline scripts, so axe comes in by evaluation. @param rules these alone */
export async function axe(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(await readFile(axeSource, 'utf8'));
  // Colours in the middle of a fade are nobody's: what moves, but for progress without an end, comes to rest first.
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined))));
  return page.evaluate(async (only) => {
    const results = await (globalThis as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[] }> } }).axe.run({
      resultTypes: ['violations'],
      ...(only === undefined ? {} : { runOnly: { type: 'rule', values: only } }),
      // A menu item is named by its label; its keys and the reason why it is disabled are its description (aria-describedby), which this rule takes for a part of the name.
      rules: { 'label-content-name-mismatch': { enabled: false } },
    });
    return results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary?.slice(0, 220) ?? ''}`).join(' | ')}`);
  }, rules);
}

/**
 * What does not fit a window of these CSS pixels: the page itself scrolls sideways, or something that can be pressed can't be
 * scrolled to where it is seen and hit. One line each; empty when all is within reach.
 */
export function unreachable(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wrong: string[] = [];
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
    if (scrollWidth > clientWidth + 1) wrong.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}`);
    if (scrollHeight > clientHeight + 1) wrong.push(`the page is ${scrollHeight} high in a window of ${clientHeight}`);
    // What lies under a dialog or a menu is not meant to be reached.
    const top = [...document.querySelectorAll('[role=dialog], [role=alertdialog], [role=menu], [role=listbox].popover, .popover')].at(-1) ?? document.body;
    const shown = (element: Element): boolean => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.closest('[aria-hidden=true], [inert], .visually-hidden, [data-react-aria-prevent-focus], .toasts') === null;
    for (const element of top.querySelectorAll<HTMLElement>('button, input, select, textarea, a[href], [role=menuitem], [role=tab], [role=option], [tabindex="0"]')) {
      const before = element.getBoundingClientRect();
      if (!shown(element) || before.width < 2 || before.height < 2) continue;
      element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
      const { left, right, top: above, bottom } = element.getBoundingClientRect();
      const x = (Math.max(0, left) + Math.min(innerWidth, right)) / 2;
      const y = (Math.max(0, above) + Math.min(innerHeight, bottom)) / 2;
      const hit = left < innerWidth && right > 0 && above < innerHeight && bottom > 0 ? document.elementFromPoint(x, y) : null;
      const reached = hit !== null && (element.contains(hit) || hit.contains(element) || (element as HTMLInputElement).labels?.[0]?.contains(hit) === true || element.closest('label')?.contains(hit) === true || hit.closest('.toasts') !== null);
      if (!reached) wrong.push(`${element.tagName.toLowerCase()} ${(element.getAttribute('aria-label') ?? element.textContent ?? '').slice(0, 60)} at ${Math.round(left)},${Math.round(above)}`);
    }
    return wrong.slice(0, 12);
  });
}

/**
 * Texts and attributes with characters that act instead of being shown (controls, bidirectional overrides and marks), and attributes so
 * long that a screen reader would never end: what a hostile name could do if it were shown as it is. Empty when there is none.
 */
export function unsafeText(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // oxlint-disable-next-line no-control-regex
    const acting = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/u;
    const LONGEST = 2000;
    const wrong: string[] = [];
    const spell = (text: string): string => JSON.stringify(text.slice(0, 80)).replaceAll(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
    if (acting.test(document.title) || document.title.length > LONGEST) wrong.push(`title: ${spell(document.title)}`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node instanceof Text) {
        if (acting.test(node.data)) wrong.push(`text in ${node.parentElement?.className}: ${spell(node.data)}`);
      } else if (node instanceof Element) {
        for (const { name, value } of node.attributes) {
          if (acting.test(value) || (value.length > LONGEST && !/^(d|points|src|style)$/.test(name))) wrong.push(`${name} of ${node.tagName.toLowerCase()}.${node.className}: ${spell(value)} (${value.length} characters)`);
        }
      }
    }
    return wrong.slice(0, 12);
  });
}
