import { useMemo, useState } from 'react';
import { Autocomplete, Dialog, Input, Keyboard, Menu, MenuItem, Modal, ModalOverlay, SearchField, Text } from 'react-aria-components';
import { setApp, useApp } from '../../app/state.ts';
import { shownKeys } from '../../commands/keys.ts';
import { isMac } from '../../ui/buttons.tsx';
import { itemElement } from '../../ui/menus.tsx';
import { texts } from '../../texts/index.ts';
import { paletteItems } from './items.ts';

const t = texts.palette;
const close = (): void => setApp({ dialog: undefined });

/** Everything by name: commands, open and recent images, volumes, and paths. */
export function Palette() {
  const [query, setQuery] = useState('');
  const state = useApp();
  const mac = isMac(state.info?.platform);
  const items = useMemo(() => paletteItems(state, query), [state, query]);
  return (
    <ModalOverlay className="overlay is-top" isOpen isDismissable onOpenChange={(open) => { if (!open) close(); }}>
      <Modal className="modal palette">
        <Dialog className="palette-dialog" aria-label={t.title}>
          <Autocomplete inputValue={query} onInputChange={setQuery}>
            <SearchField
              className="palette-field" aria-label={t.field} autoFocus
              onKeyDown={(event) => {
                // The first Escape empties the field; in a palette it leaves.
                if (event.key === 'Escape') close();
                else event.continuePropagation();
              }}
            >
              <Input className="palette-input" placeholder={t.hint} spellCheck={false} />
            </SearchField>
            {/* The field moves through the list; those who scroll with the keyboard can reach it all the same. */}
            <div className="palette-scroll" role="region" aria-label={t.results} tabIndex={0}>
              <Menu
                className="palette-list" aria-label={t.results} items={items} renderEmptyState={() => <p className="palette-none dim">{t.none}</p>}
                onAction={(key) => {
                  const item = items.find(({ id }) => id === key);
                  if (item === undefined || item.reason !== undefined) return;
                  // First, so that what it opens is not closed with the palette.
                  close();
                  item.run();
                }}
              >
                {(item) => {
                  const Icon = item.icon;
                  return (
                    <MenuItem
                      id={item.id} textValue={item.label} className="menu-item palette-item" shouldCloseOnSelect={false}
                      render={itemElement(item.reason !== undefined)}
                    >
                      <Icon aria-hidden />
                      <span className="palette-text">
                        <Text slot="label" className="menu-label"><bdi>{item.label}</bdi></Text>
                        <span className="palette-kind dim">{item.kind}</span>
                      </span>
                      {item.keys === undefined ? null : <Keyboard>{shownKeys(item.keys, mac)}</Keyboard>}
                      {item.reason === undefined ? null : <Text slot="description" className="menu-reason">{item.reason}</Text>}
                    </MenuItem>
                  );
                }}
              </Menu>
            </div>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
