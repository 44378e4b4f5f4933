import { toJsonSchema } from '@valibot/to-json-schema';
import { guestFileSchema } from '../schema.ts';

/** The text of guests/guest.schema.json. */
export function guestJsonSchema(): string {
  return `${JSON.stringify({ title: 'A guest of Clutch (guest.yml)', ...toJsonSchema(guestFileSchema, { ignoreActions: ['check'] }) }, undefined, 2)}\n`;
}
