import { ArrowDown, ArrowUp, ChevronDown, X } from 'lucide-react';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover, ToggleButton } from 'react-aria-components';
import type { PlaceRow } from '../../../shared/contract/bytes.ts';
import type { HostClient } from '../../app/services.ts';
import { formatOffset } from '../../models/format.ts';
import { parseOffset } from '../../models/hex-cursor.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { texts } from '../../texts/index.ts';
import type { Finder } from './use-find.ts';

const t = texts.hex;

/** Where to go, and what to look for. */
export function HexBar({ host, layer, isFile, at, size, units, onGo, goField, findField, finder }: {
  host: HostClient; layer: string; isFile: boolean; at: number; size: number; units: { readonly sector: number; readonly block?: number | undefined };
  onGo: (at: number, length?: number) => void; goField: RefObject<HTMLInputElement | null>; findField: RefObject<HTMLInputElement | null>; finder: Finder;
}) {
  return (
    <div className="hex-bar">
      <GoTo at={at} size={size} units={units} onGo={onGo} field={goField} />
      {isFile ? null : <Places host={host} layer={layer} onGo={onGo} />}
      <Find finder={finder} field={findField} />
    </div>
  );
}

function GoTo({ at, size, units, onGo, field }: { at: number; size: number; units: { readonly sector: number; readonly block?: number | undefined }; onGo: (at: number) => void; field: RefObject<HTMLInputElement | null> }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  return (
    <form
      className="hex-form" role="search" aria-label={t.goTo}
      onSubmit={(event) => {
        event.preventDefault();
        const to = parseOffset(text, at, size, units);
        setWrong(to === undefined);
        if (to !== undefined) onGo(to);
      }}
    >
      <input
        ref={field} className="field" aria-label={t.goTo} placeholder={t.goToHint} value={text} spellCheck={false} autoComplete="off"
        aria-invalid={wrong} aria-describedby={wrong ? 'hex-go-wrong' : undefined} onChange={(event) => { setText(event.target.value); setWrong(false); }}
      />
      {wrong ? <span id="hex-go-wrong" role="alert" className="hex-wrong">{t.goToWrong}</span> : null}
    </form>
  );
}

function Places({ host, layer, onGo }: { host: HostClient; layer: string; onGo: (at: number) => void }) {
  const [places, setPlaces] = useState<readonly PlaceRow[]>();
  useEffect(() => {
    const abort = new AbortController();
    // Without them there is no list; the bytes themselves tell what is wrong.
    host.call('bytes.places', { layer }, abort.signal).then((found) => { if (!abort.signal.aborted) setPlaces(found); }, () => {});
    return () => abort.abort();
  }, [host, layer]);
  if (places === undefined || places.length === 0) return null;
  return (
    <MenuTrigger>
      <Button className="button hex-places">{t.places}<ChevronDown aria-hidden /></Button>
      <Popover className="popover" placement="bottom start">
        <Menu className="menu" aria-label={t.placesLabel} onAction={(key) => { const place = places[Number(key)]; if (place !== undefined) onGo(place.at); }}>
          {places.map((place, i) => (
            <MenuItem key={i} id={i} className="menu-item hex-place" textValue={place.name}>
              <bdi className="clip">{place.name}</bdi><span className="dim number">{formatOffset(place.at)}</span>
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function Find({ finder, field }: { finder: Finder; field: RefObject<HTMLInputElement | null> }) {
  const { text, hex, wrong, status, busy } = finder;
  const backward = useRef(false);
  return (
    <form className="hex-form" role="search" aria-label={t.find} onSubmit={(event) => { event.preventDefault(); finder.run(backward.current ? 'backward' : 'forward'); }}>
      <input
        ref={field} className="field" aria-label={t.find} placeholder={hex ? t.findHexHint : t.findHint} value={text} spellCheck={false} autoComplete="off"
        aria-invalid={wrong} aria-describedby="hex-find-status" onChange={(event) => finder.setText(event.target.value)}
        onKeyDown={(event) => { if (event.key === 'Enter') backward.current = event.shiftKey; }}
      />
      <ToggleButton className="icon-button has-text" isSelected={hex} onChange={finder.setHex}>{t.hexToggle}</ToggleButton>
      <IconButton label={t.previous} icon={ArrowUp} onPress={() => finder.run('backward')} />
      <IconButton label={t.next} icon={ArrowDown} onPress={() => finder.run('forward')} />
      {busy ? <IconButton label={t.stop} icon={X} onPress={finder.stop} /> : null}
      <span id="hex-find-status" className={wrong ? 'hex-wrong' : 'dim hex-status'}>{wrong ? t.findWrong : status}</span>
    </form>
  );
}
