#!/usr/bin/env node
/**
 * Cuts the power of direct changes to ext2/3/4 at thousands of points; recovered by us, by e2fsck and by the kernel, each has to be clean and to hold what was synced.
 *   npm run crash [-- --points 5000] [--seed S] [--filter KIND] [--e2fsck-every N] [--kernel-every N] [--jobs 2]
 * Every failure is printed with what makes it again. Exit: 0 when there was none.
 */
import { runDriver } from './driver.mjs';

await runDriver('crash');
