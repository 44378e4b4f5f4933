import { type MouseEvent, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { formatSize } from '../../models/format.ts';
import { cut } from '../../models/names.ts';
import { pathTo, shareOf, type SpaceItem, type Tile, treemap } from '../../models/treemap.ts';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.space;

/** Pixels that a name, and a size below it, need. */
const NAMED = { width: 38, height: 16 };
const SIZED = { width: 60, height: 34 };

/** Characters of a name in a tile; what does not fit is cut by the style. */
const LONGEST = 60;

interface Props {
  readonly top: SpaceItem;
  readonly name: string;
  readonly chosen: string | undefined;
  readonly choose: (key: string) => void;
  readonly enter: (key: string) => void;
  readonly hues: ReadonlyMap<string, number>;
}

/** The map, for the pointer; who uses keys or ears has the list beside it, which tells the same. */
export function SpaceMap({ top, name, chosen, choose, enter, hues }: Props) {
  const map = useRef<HTMLDivElement>(null);
  const [{ width, height }, setSize] = useState({ width: 0, height: 0 });
  const [pointed, setPointed] = useState<string>();
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(map.current!);
    return () => observer.disconnect();
  }, []);
  const tiles = useMemo(() => treemap(top, width, height), [top, width, height]);
  const shown = tiles.find(({ item }) => item.key === (pointed ?? chosen))?.item;
  const at = (event: MouseEvent): string | undefined => (event.target instanceof Element ? event.target.closest<HTMLElement>('[data-tile]')?.dataset['tile'] : undefined);
  const act = (run: (key: string) => void) => (event: MouseEvent): void => {
    const key = at(event);
    if (key !== undefined) run(key);
  };
  return (
    <div className="space-map" role="img" aria-label={t.map(cut(name, 60))}>
      <div ref={map} className="tiles" aria-hidden onClick={act(choose)} onDoubleClick={act(enter)} onPointerOver={(event) => setPointed(at(event))} onPointerLeave={() => setPointed(undefined)}>
        {tiles.map((tile) => <TileBox key={tile.item.key} tile={tile} hue={hues.get(tile.top.key)} chosen={tile.item.key === chosen} />)}
      </div>
      <p className="space-pointed" aria-hidden>
        {shown === undefined ? <span className="dim">{t.hint}</span> : (
          <>
            <span className="space-path"><Name display={`/${pathTo(shown).map(({ node }) => cut(node.display, LONGEST)).join('/')}`} /></span>
            <span className="number">{formatSize(shown.node.size)}</span>
            <span className="number dim">{t.percent(shareOf(shown.node.size, top.node.size))}</span>
          </>
        )}
      </p>
    </div>
  );
}

function TileBox({ tile: { item, depth, open, x, y, width, height }, hue, chosen }: { tile: Tile; hue: number | undefined; chosen: boolean }) {
  const { display, size } = item.node;
  return (
    <div
      className={`tile tone-${hue ?? 'none'} ${open ? 'is-frame' : ''} ${depth % 2 === 1 ? 'is-odd' : ''} ${chosen ? 'is-chosen' : ''}`} data-tile={item.key}
      style={{ insetInlineStart: x, top: y, width, height }}
    >
      {width < NAMED.width || height < NAMED.height ? null : <span className="tile-name"><Name display={cut(display, LONGEST)} /></span>}
      {open || width < SIZED.width || height < SIZED.height ? null : <span className="tile-size">{formatSize(size)}</span>}
    </div>
  );
}
