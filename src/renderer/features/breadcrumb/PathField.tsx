import { useEffect, useRef, useState } from 'react';
import { Autocomplete, Input, ListBox, ListBoxItem, TextField } from 'react-aria-components';
import { foldersIn } from '../../app/folders.ts';
import { goToPath, pathOf } from '../../app/navigation.ts';
import type { HostClient } from '../../app/services.ts';
import { type FolderPlace, setApp, type TabFrame } from '../../app/state.ts';
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
export function PathField({ tab, folder }: { tab: TabFrame; folder: FolderPlace }) {
  const [path, setPath] = useState(() => pathOf(folder.crumbs, 'name'));
  const [wrong, setWrong] = useState<string>();
  const [typed, setTyped] = useState(false);
  const [dismissed, setDismissed] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const found = useSuggestions(tab.host, folder.layer, typed ? path : undefined);
  const suggestions = dismissed ? NONE : found;
  useEffect(() => field.current?.select(), []);
  const leave = (): void => setApp({ editingPath: false });
  // React Aria tells of a blur, too, when a suggestion is focused in name only.
  const blur = (): void => { if (document.activeElement !== field.current) leave(); };
  const type = (value: string): void => {
    setPath(value);
    setTyped(true);
    setDismissed(false);
    setWrong(undefined);
  };
  const go = async (): Promise<void> => {
    const message = await goToPath(tab.id, folder.layer, path);
    setWrong(message);
    setDismissed(true);
    if (message === undefined) leave();
  };
  return (
    <div
      className="path-form" role="presentation"
      onKeyDownCapture={(event) => {
        // Enter goes to what is typed, unless a suggestion is focused; Escape leaves the suggestions first.
        const focused = field.current?.getAttribute('aria-activedescendant');
        if (event.key !== 'Escape' && (event.key !== 'Enter' || focused)) return;
        event.preventDefault();
        event.stopPropagation();
        if (event.key === 'Enter') void go();
        else if (suggestions.length > 0) setDismissed(true);
        else leave();
      }}
    >
      <Autocomplete inputValue={path} onInputChange={type} disableAutoFocusFirst>
        <TextField aria-label={texts.toolbar.path} className="path-combo" isInvalid={wrong !== undefined} autoFocus onBlur={blur}>
          <Input ref={field} className="path-field" spellCheck={false} placeholder={texts.crumbs.placeholder} {...(wrong === undefined ? {} : { 'aria-describedby': 'path-wrong' })} />
        </TextField>
        {suggestions.length === 0 ? null : (
          // A press in the list leaves the focus in the field.
          <div className="popover suggestions" role="presentation" onMouseDown={(event) => event.preventDefault()}>
            <ListBox className="menu" aria-label={texts.places.suggestions} items={suggestions} onAction={(key) => type(`${String(key)}/`)}>
              {(item: Suggestion) => <ListBoxItem id={item.path} textValue={item.path} className="menu-item"><Name display={item.display} /></ListBoxItem>}
            </ListBox>
          </div>
        )}
      </Autocomplete>
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
