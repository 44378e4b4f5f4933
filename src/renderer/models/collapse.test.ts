import { expect, test } from 'vitest';
import { collapsedSteps } from './collapse.ts';

test('the middle of a path gives way, its ends never', () => {
  expect(collapsedSteps([50, 50, 50], 150, 20)).toBe(0);
  expect(collapsedSteps([50, 50, 50, 50], 180, 20)).toBe(1);
  expect(collapsedSteps([50, 50, 50, 50, 50], 130, 20)).toBe(3);
  expect(collapsedSteps([500, 500], 100, 20)).toBe(0);
  expect(collapsedSteps([500, 10, 500], 100, 20)).toBe(1);
  expect(collapsedSteps([], 100, 20)).toBe(0);
});
