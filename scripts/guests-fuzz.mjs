#!/usr/bin/env node
/**
 * Opens damaged images by a guest: it may die, we may not, and nothing stays behind.
 *   npm run guests-fuzz [-- --count N --seed S --start N --guest NAME --filter SEED-IMAGE --jobs 2]
 * Every failure is printed with what makes it again. Exit: 0 when there was none, 2 when there is no guest.
 */
import { runDriver } from './driver.mjs';

await runDriver('guests-fuzz', 'src/host/guests/testing/hostile');
