#!/usr/bin/env node
/**
 * Feeds mutated images to every engine for as long as asked; only results and DiskErrors may come out.
 *   npm run fuzz [-- --exercise walk|change|check --judge N --count N] [--minutes M] [--seed S] [--start N] [--jobs 2] [--filter SEED-IMAGE]
 * Every failure is printed with what makes it again, and its image is saved under .cache/fuzz/failures. Exit: 0 when there was none.
 */
import { runDriver } from './driver.mjs';

await runDriver('fuzz');
