import { setTimeout as pause } from 'node:timers/promises';
import { run } from './processes.ts';

/** Screen coordinates in pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A real drag with the display's own pointer, slowly enough for both programs to follow. */
export async function drag(display: string, from: Point, to: Point): Promise<void> {
  const xdotool = (...args: string[]): string => run('xdotool', args, { ...process.env, DISPLAY: display });
  xdotool('mousemove', `${from.x}`, `${from.y}`);
  await pause(150);
  xdotool('mousedown', '1');
  await pause(150);
  // The first steps are small: toolkits start a drag only past a threshold of some pixels.
  const steps = 24;
  for (let i = 1; i <= steps; i++) {
    const part = i < 6 ? i * 0.012 : i / steps;
    xdotool('mousemove', `${Math.round(from.x + (to.x - from.x) * part)}`, `${Math.round(from.y + (to.y - from.y) * part)}`);
    await pause(i < 8 ? 60 : 30);
  }
  xdotool('mousemove', `${to.x + 1}`, `${to.y + 1}`);
  await pause(500);
  xdotool('mousemove', `${to.x}`, `${to.y}`);
  await pause(300);
  xdotool('mouseup', '1');
}
