import { useEffect, useRef, useState } from 'react';
import { Breadcrumb, Breadcrumbs, Button, Toolbar as AriaToolbar } from 'react-aria-components';
import { CommandButton } from '../../ui/buttons.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { commandOf } from '../../commands/index.ts';
import { folderOf, goTo, goToPath, pathOf, placeOf } from '../../app/navigation.ts';
import { setApp, type Tab, useApp } from '../../app/state.ts';
import { contentOf, layerAt, parentPath } from '../../models/layers.ts';

/** Back, forward, up; where we are; what is done most. */
export function Toolbar({ tab }: { tab: Tab }) {
  const editing = useApp((state) => state.editingPath);
  return (
    <AriaToolbar className="toolbar" aria-label={texts.toolbar.label}>
      <CommandButton command={commandOf('sidebar')} />
      <span className="rule" />
      <CommandButton command={commandOf('back')} />
      <CommandButton command={commandOf('forward')} />
      <CommandButton command={commandOf('up')} />
      <div className="path-bar">{editing && folderOf(tab) !== undefined ? <PathField tab={tab} /> : <Crumbs tab={tab} />}</div>
      <CommandButton command={commandOf('find')} />
      <CommandButton command={commandOf('extract')} text />
      <span className="rule" />
      <CommandButton command={commandOf('hidden')} />
      <CommandButton command={commandOf('preview-pane')} />
    </AriaToolbar>
  );
}

function Crumbs({ tab }: { tab: Tab }) {
  const place = placeOf(tab);
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The folder itself matters most: a path that does not fit shows its end.
    if (scroller.current !== null) scroller.current.scrollLeft = scroller.current.scrollWidth;
    // For every new place.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [place]);
  if (place === undefined || tab.info === undefined) return <span className="crumbs" />;
  const folder = place.kind === 'folder' ? place : place.kind === 'bytes' ? place.file?.folder : undefined;
  const steps = [
    ...stepsAbove(tab, place.layer),
    ...(folder?.crumbs ?? []).slice(1).map((crumb, i) => ({ key: `${i + 1}`, label: crumb.display, go: () => goTo(tab.id, { ...folder!, crumbs: folder!.crumbs.slice(0, i + 2) }) })),
    ...(place.kind === 'search' ? [{ key: 'search', label: texts.search.crumb(place.query.slice(0, 60)), go: () => {} }] : []),
    ...(place.kind === 'bytes' ? [{ key: 'bytes', label: place.file?.display ?? texts.hex.title, go: () => {} }] : []),
  ];
  return (
    <div className="crumbs" ref={scroller} onDoubleClick={(event) => { if (event.target === event.currentTarget) setApp({ editingPath: true }); }}>
      <Breadcrumbs aria-label={texts.crumbs.label} className="crumb-list">
        {steps.map((step, i) => (
          <Breadcrumb key={step.key} className="crumb">
            {i === steps.length - 1
              ? <span className="crumb-here" aria-current="location"><Name display={step.label} /></span>
              : <Button className="crumb-link" onPress={step.go}><Name display={step.label} /></Button>}
          </Breadcrumb>
        ))}
      </Breadcrumbs>
      <button type="button" className="crumb-rest" tabIndex={-1} aria-label={texts.toolbar.editPath} onClick={() => { if (folder !== undefined) setApp({ editingPath: true }); }} />
    </div>
  );
}

/** The image, its tables and volumes, down to the root of the filesystem: each a step. Containers are left out, they lead nowhere. */
function stepsAbove(tab: Tab, layerPath: string): { key: string; label: string; go: () => void }[] {
  const info = tab.info!;
  const steps: { key: string; label: string; go: () => void }[] = [];
  for (let path: string | undefined = layerPath; path !== undefined; path = parentPath(path)) {
    const layer = layerAt(info, path);
    if (layer === undefined) continue;
    const here = path;
    if (layer.kind === 'volume') {
      const content = contentOf(info, layer);
      const label = layer.label || content?.label || texts.table.volume(layer.volume?.number);
      steps.unshift({ key: here, label, go: () => goTo(tab.id, content?.filesystem === undefined ? { kind: 'layer', layer: here } : { kind: 'folder', layer: content.path, crumbs: [{ node: content.filesystem.root, name: '', display: '' }] }) });
    } else if (layer.kind === 'table' && parentPath(here) !== undefined) {
      steps.unshift({ key: here, label: layer.title, go: () => goTo(tab.id, { kind: 'layer', layer: here }) });
    }
  }
  const top = info.layers.find((layer) => layer.kind === 'table') ?? info.layers[0];
  const root = info.layers.find((layer) => layer.path === layerPath);
  const single = root?.filesystem !== undefined && steps.length === 0;
  const first = {
    key: 'image', label: info.name,
    go: () => goTo(tab.id, single ? { kind: 'folder', layer: layerPath, crumbs: [{ node: root.filesystem!.root, name: '', display: '' }] } : { kind: 'layer', layer: top?.path ?? '0' }),
  };
  // The image's own step leads to its first table; that table needs no step beside it.
  return [first, ...steps.filter((step) => step.key !== top?.path)];
}

function PathField({ tab }: { tab: Tab }) {
  const folder = folderOf(tab)!;
  const [path, setPath] = useState(() => pathOf(folder.crumbs, 'name'));
  const [wrong, setWrong] = useState<string>();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const leave = (): void => setApp({ editingPath: false });
  return (
    <form
      className="path-form"
      onSubmit={(event) => {
        event.preventDefault();
        void goToPath(tab.id, folder.layer, path).then((message) => {
          setWrong(message);
          if (message === undefined) leave();
        });
      }}
    >
      <input
        ref={field} className="path-field" aria-label={texts.toolbar.path} value={path} spellCheck={false} placeholder={texts.crumbs.placeholder}
        aria-invalid={wrong !== undefined} aria-describedby={wrong === undefined ? undefined : 'path-wrong'}
        onChange={(event) => { setPath(event.target.value); setWrong(undefined); }}
        onKeyDown={(event) => { if (event.key === 'Escape') { event.stopPropagation(); leave(); } }}
        onBlur={(event) => { if (!(event.relatedTarget instanceof Element && event.currentTarget.form?.contains(event.relatedTarget))) leave(); }}
      />
      {wrong === undefined ? null : <span id="path-wrong" role="alert" className="path-wrong">{wrong}</span>}
    </form>
  );
}
