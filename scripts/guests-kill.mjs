#!/usr/bin/env node
/**
 * Kills QEMU or the process that uses it at random moments of writing and of Apply, and looks at what is left.
 *   npm run guests-kill [-- --count N --seed S --start N --filter NAME]
 * Every failure is printed with what makes it again. Exit: 0 when there was none, 2 when there is no guest.
 */
import { runDriver } from './driver.mjs';

await runDriver('guests-kill', 'src/host/guests/testing/kill');
