import type { ReactNode } from 'react';
import { Checkbox } from 'react-aria-components';

/** A box to tick, with its text. */
export function Check({ label, isSelected, onChange }: { label: ReactNode; isSelected: boolean; onChange: (on: boolean) => void }) {
  return (
    <Checkbox className="check" isSelected={isSelected} onChange={onChange}>
      <span className="check-box" aria-hidden><svg viewBox="0 0 12 12"><path d="M2.5 6.5 5 9l4.5-6" /></svg></span>
      {label}
    </Checkbox>
  );
}
