import { shownName } from '../models/names.ts';

/** A name from an image, isolated from the text around it, its outer spaces made visible. */
export function Name({ display, className = 'name' }: { display: string; className?: string }) {
  const { before, text, after } = shownName(display);
  return (
    <bdi className={className}>
      {before > 0 ? <Spaces count={before} /> : null}
      {text}
      {after > 0 ? <Spaces count={after} /> : null}
    </bdi>
  );
}

/** The spaces stay in the text, so that copying and accessible names have them; the marks are drawn over them by the style. */
function Spaces({ count }: { count: number }) {
  return <>{Array.from({ length: count }, (_, i) => <span key={i} className="space"> </span>)}</>;
}
