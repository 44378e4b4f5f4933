import { useState } from 'react';
import type { Checking } from '../../app/checking.ts';
import { texts } from '../../texts/index.ts';
import { LogView } from '../../ui/log-view.tsx';

const t = texts.toolCheck;

/** What the filesystem's own tool says, as it says it. */
export function ToolOutput({ checking: { output, phase } }: { checking: Checking }) {
  const [follow, setFollow] = useState(true);
  if (output === undefined) return null;
  return (
    <section className="tool-output" aria-label={t.output}>
      <div className="section-head"><h3>{t.output}</h3><span className="spacer" /><span className="dim number">{t.lines(output.lines.length + output.dropped)}</span></div>
      {output.dropped > 0 ? <p className="dim">{t.dropped(output.dropped)}</p> : null}
      {output.lines.length === 0 ? <p className="dim">{phase === 'ended' ? t.silent : t.waiting}</p> : <LogView lines={output.lines} label={t.region} follow={follow} onFollow={setFollow} />}
    </section>
  );
}
