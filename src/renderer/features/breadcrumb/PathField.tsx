import { useEffect, useRef, useState } from 'react';
import { ComboBox, Input, ListBox, ListBoxItem, Popover } from 'react-aria-components';
import { foldersIn } from '../../app/folders.ts';
import { goToPath, pathOf } from '../../app/navigation.ts';
import type { HostClient } from '../../app/services.ts';
import { type FolderPlace, setApp, type Tab } from '../../app/state.ts';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

/** Milliseconds of quiet before folders are looked up. */
const QUIET = 120;

/** Suggestions under the field. */
const MAX_SUGGESTED = 50;

const NONE: readonly Suggestion[] = [];

interface Suggestion {
  readonly path: string;
  readonly display: string;
}

/** A path to be typed, completed with the names of folders. */
export function PathField({ tab, folder }: { tab: Tab; folder: FolderPlace }) {
  const [path, setPath] = useState(() => pathOf(folder.crumbs, 'name'));
  const [wrong, setWrong] = useState<string>();
  const [typed, setTyped] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const suggestions = useSuggestions(tab.host, folder.layer, typed ? path : undefined);
  useEffect(() => field.current?.select(), []);
  const leave = (): void => setApp({ editingPath: false });
  const go = async (): Promise<void> => {
    const message = await goToPath(tab.id, folder.layer, path);
    setWrong(message);
    if (message === undefined) leave();
  };
  return (
    <div
      className="path-form" role="presentation"
      onKeyDownCapture={(event) => {
        // Enter goes to what is typed, unless a suggestion is focused; Escape closes the suggestions first.
        const focused = field.current?.getAttribute('aria-activedescendant');
        const open = suggestions.length > 0 && field.current?.getAttribute('aria-expanded') === 'true';
        if ((event.key === 'Enter' && !focused) || (event.key === 'Escape' && !open)) {
          event.preventDefault();
          event.stopPropagation();
          if (event.key === 'Enter') void go();
          else leave();
        }
      }}
    >
      <ComboBox
        aria-label={texts.toolbar.path} className="path-combo" allowsCustomValue allowsEmptyCollection menuTrigger="input" items={suggestions} inputValue={path} isInvalid={wrong !== undefined} autoFocus
        onInputChange={(value) => { setPath(value); setTyped(true); setWrong(undefined); }}
        onBlur={leave}
      >
        <Input ref={field} className="path-field" spellCheck={false} placeholder={texts.crumbs.placeholder} {...(wrong === undefined ? {} : { 'aria-describedby': 'path-wrong' })} />
        <Popover className="popover suggestions" placement="bottom start" offset={5} aria-label={texts.places.suggestions}>
          <ListBox className="menu" aria-label={texts.places.suggestions}>
            {(item: Suggestion) => <ListBoxItem id={item.path} textValue={`${item.path}/`} className="menu-item"><Name display={item.display} /></ListBoxItem>}
          </ListBox>
        </Popover>
      </ComboBox>
      {wrong === undefined ? null : <span id="path-wrong" role="alert" className="path-wrong">{wrong}</span>}
    </div>
  );
}

/** Folders whose paths begin with what is typed. */
function useSuggestions(host: HostClient | undefined, layer: string, path: string | undefined): readonly Suggestion[] {
  const [found, setFound] = useState<readonly Suggestion[]>([]);
  useEffect(() => {
    if (path === undefined || !path.startsWith('/')) return undefined;
    let left = false;
    const slash = path.lastIndexOf('/');
    const look = async (): Promise<void> => {
      const above = path.slice(0, slash);
      const prefix = path.slice(slash + 1);
      const { crumbs } = (await host?.call('path.resolve', { layer, path: above === '' ? '/' : above })) ?? { crumbs: [] };
      const parent = crumbs.at(-1);
      if (parent === undefined) return;
      const { rows } = await foldersIn(host, layer, parent.node, prefix);
      if (!left) setFound(rows.filter(({ name }) => name.toLowerCase().startsWith(prefix.toLowerCase())).slice(0, MAX_SUGGESTED).map(({ name, display }) => ({ path: `${above}/${name}`, display })));
    };
    const timer = setTimeout(() => {
      look().catch(() => {
        // There is no such folder yet: somebody is typing.
        if (!left) setFound([]);
      });
    }, QUIET);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [host, layer, path]);
  return path?.startsWith('/') ? found : NONE;
}
