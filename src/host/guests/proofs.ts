import type { Proof } from './matrix.ts';
import tested from './tested.json' with { type: 'json' };

/** What tests have shown: they write it to `tested.json` themselves when CLUTCH_RECORD_PROOFS is set. */
export const PROOFS = tested as readonly Proof[];
