import { Header, Menu, MenuItem, MenuSection, Text } from 'react-aria-components';
import { activeFormat, fitColumns, moveColumn, resetColumns, toggleColumn } from '../../app/columns.ts';
import { prefer } from '../../app/navigation.ts';
import { activeTab, getApp, setApp, useApp } from '../../app/state.ts';
import { COLUMNS, type ColumnId, columnOf, shownColumns } from '../../models/columns.ts';
import { texts } from '../../texts/index.ts';
import { PointPopover } from '../../ui/menus.tsx';
import { focusHeader, resizeByKeys } from './GridHeader.tsx';

const t = texts.grid;

/** The menu of a list's columns: which there are and, at a header, what can be done with its column. */
export function ColumnsMenu() {
  const menu = useApp((state) => state.columnMenu);
  const settings = useApp((state) => state.settings.columns[activeFormat()]);
  const close = (): void => setApp({ columnMenu: undefined });
  const column = menu?.column;
  const shown = shownColumns(settings);
  const place = column === undefined ? -1 : shown.indexOf(column);
  const format = activeFormat();
  const tab = activeTab(getApp());
  const [first] = tab?.listing?.rows?.loaded() ?? [];
  const noBtime = first !== undefined && first.btime === undefined;
  const run = (id: string): void => {
    const [action, name] = id.split(' ') as [string, ColumnId | undefined];
    if (action === 'toggle') {
      toggleColumn(format, name!);
      return;
    }
    close();
    if (action === 'fit-all') fitColumns(tab);
    else if (action === 'reset') resetColumns(format);
    if (column === undefined) return;
    const { sort } = columnOf(column);
    if (action === 'up' || action === 'down') prefer({ sort: { key: sort, descending: action === 'down' } });
    else if (action === 'before') moveColumn(format, column, place - 1);
    else if (action === 'after') moveColumn(format, column, place + 2);
    else if (action === 'fit') fitColumns(tab, [column]);
    else if (action === 'hide') toggleColumn(format, column);
    // When the menu has gone, and has given the keyboard back to where it was.
    setTimeout(() => { if (action === 'resize') resizeByKeys(column); else focusHeader(action === 'hide' ? undefined : column); }, 50);
  };
  const label = column === undefined ? t.columnsMenu : t.columnMenu(t.columns[column]);
  return (
    <PointPopover at={menu} label={label} onClose={close}>
      <Menu className="menu" aria-label={label} autoFocus="first" onAction={(id) => run(String(id))}>
        {column === undefined ? null : (
          <MenuSection id="column" className="menu-section" aria-label={label}>
            <Item id="up" text={t.sortUp} />
            <Item id="down" text={t.sortDown} />
            <Item id="before" text={t.moveBefore} off={place === 0 ? t.firstAlready : undefined} />
            <Item id="after" text={t.moveAfter} off={place === shown.length - 1 ? t.lastAlready : undefined} />
            <Item id="resize" text={t.resizeColumn} />
            <Item id="fit" text={t.fitColumn} />
            <Item id="hide" text={t.hideColumn} off={column === 'name' ? t.nameStays : undefined} />
          </MenuSection>
        )}
        <MenuSection id="columns" className="menu-section" selectionMode="multiple" selectedKeys={shown.map((id) => `toggle ${id}`)} onSelectionChange={() => {}}>
          <Header className="menu-head">{t.columnsMenu}</Header>
          {COLUMNS.map(({ id }) => (
            <Item key={id} id={`toggle ${id}`} text={t.columns[id]} off={id === 'name' ? t.nameStays : id === 'btime' && noBtime && !shown.includes(id) ? t.noBtime : undefined} />
          ))}
        </MenuSection>
        <MenuSection id="all" className="menu-section" aria-label={t.columnsMenu}>
          <Item id="fit-all" text={texts.commands.fitColumns} />
          <Item id="reset" text={texts.commands.resetColumns} />
        </MenuSection>
      </Menu>
    </PointPopover>
  );
}

function Item({ id, text, off }: { id: string; text: string; off?: string | undefined }) {
  return (
    <MenuItem id={id} textValue={text} className="menu-item is-plain" isDisabled={off !== undefined}>
      <Text slot="label" className="menu-label">{text}</Text>
      {off === undefined ? null : <Text slot="description" className="menu-reason">{off}</Text>}
    </MenuItem>
  );
}
