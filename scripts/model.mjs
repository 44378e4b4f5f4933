#!/usr/bin/env node
/**
 * Model tests of the writers for as long as asked: random operations on new filesystems of every shape, then e2fsck, the kernel, our own
 * reading and a tree in memory must agree.
 *   npm run model [-- --seed S] [--runs N] [--ops M] [--shape NAME] [--no-kernel]
 * A failure is printed with what repeats it. Exit: 0 when there was none.
 */
import { runDriver } from './driver.mjs';

await runDriver('model');
