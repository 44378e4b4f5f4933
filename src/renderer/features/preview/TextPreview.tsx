import { WrapText } from 'lucide-react';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import { Button, ToggleButton } from 'react-aria-components';
import type { Preview } from '../../../shared/contract/preview.ts';
import { type ErrorData, errorOf } from '../../app/services.ts';
import { NO_TEXT, type Segment, type TextBlock, visible, withPart } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';
import { EncodingMenu, Facts, type Shown } from './parts.tsx';

const t = texts.preview;

/** Bytes of one text that are ever loaded: what a look is worth. */
const ENOUGH = 16 * 1024 * 1024;

/** Pixels from the end at which the next part is fetched. */
const NEAR = 600;

/** Whether long lines are wrapped; kept while the window is open. */
let wrapped = true;

/** A text in parts: the next one comes when the end of what is there comes into sight. */
export function TextPreview({ preview, shown }: { preview: Extract<Preview, { kind: 'text' }>; shown: Shown }) {
  const { host, layer, node, row } = shown;
  const [next, setNext] = useState(preview.part.next);
  const [loaded, setLoaded] = useState(() => withPart(NO_TEXT, preview.part.text, preview.part.next === undefined));
  const [wrap, setWrap] = useState(wrapped);
  const [error, setError] = useState<ErrorData>();
  const [loading, setLoading] = useState<AbortController>();
  useEffect(() => () => loading?.abort(), [loading]);
  const region = useRef<HTMLDivElement>(null);
  const enough = next !== undefined && next >= ENOUGH;

  const more = async (): Promise<void> => {
    if (next === undefined || loading !== undefined || enough) return;
    const abort = new AbortController();
    setLoading(abort);
    setError(undefined);
    try {
      const part = await host.call('text.read', { layer, node, at: next, encoding: preview.encoding }, abort.signal);
      if (abort.signal.aborted) return;
      setLoaded((before) => withPart(before, part.text, part.next === undefined));
      setNext(part.next);
    } catch (failure) {
      if (!abort.signal.aborted) setError(errorOf(failure));
    } finally {
      if (!abort.signal.aborted) setLoading(undefined);
    }
  };
  return (
    <>
      <Facts>
        <EncodingMenu encoding={preview.encoding} found={t.found(preview.encoding, preview.mark)} shown={shown} />
        <ToggleButton className="icon-button has-text is-small" isSelected={wrap} onChange={(on) => { wrapped = on; setWrap(on); }}><WrapText aria-hidden /><span>{t.wrap}</span></ToggleButton>
      </Facts>
      <div
        ref={region} className={`preview-text ${wrap ? 'is-wrapped' : ''}`} tabIndex={0} role="region" aria-label={row.display.slice(0, 200)}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => { if (error === undefined && scrollHeight - scrollTop - clientHeight < NEAR) void more(); }}
      >
        {loaded.parts.map((part, i) => <Part key={i} blocks={part} />)}
        {next === undefined ? null : (
          <p className="preview-more">
            {enough ? t.enough(next) : t.shown(next, preview.size)}
            {error === undefined ? null : <span className="error-text" role="alert">{error.message}</span>}
            {enough ? null : <Button className="button" isDisabled={loading !== undefined} onPress={() => void more()}>{loading === undefined ? t.more : t.loadingMore}</Button>}
          </p>
        )}
      </div>
    </>
  );
}

const Part = memo(function Part({ blocks }: { blocks: readonly TextBlock[] }) {
  return <>{blocks.map((block, i) => <Block key={i} block={block} />)}</>;
});

function Block({ block }: { block: TextBlock }) {
  const segments = useMemo(() => visible(block.text), [block]);
  return <div className={block.continued ? 'text-block is-continued' : 'text-block'}>{segments.map(drawn)}{'\n'}</div>;
}

function drawn({ text, mark }: Segment, i: number): React.ReactNode {
  return mark ? <span key={i} className="text-mark">{text}</span> : text;
}
