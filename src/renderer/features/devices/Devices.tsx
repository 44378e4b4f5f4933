import { ChevronRight } from 'lucide-react';
import { useEffect, useId } from 'react';
import { Button, GridList } from 'react-aria-components';
import type { DeviceRow } from '../../../shared/contract/devices.ts';
import { followDevices, useDevices } from '../../app/devices.ts';
import { openSources } from '../../app/tabs.ts';
import { isExplained } from '../../models/devices.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';
import { Device } from './Device.tsx';

const t = texts.devices;

/** The disks of this computer, folded up until somebody asks for them. @param onChosen one was opened */
export function Devices({ onChosen }: { onChosen?: () => void }) {
  const open = useDevices((state) => state.open);
  const disks = useDevices((state) => state.list?.devices.filter(({ kind }) => kind === 'disk').length);
  const id = useId();
  return (
    <section className="devices" aria-label={t.title}>
      <h2>
        <Button className="devices-fold" aria-expanded={open} {...(open ? { 'aria-controls': id } : {})} onPress={() => useDevices.setState({ open: !open })}>
          <ChevronRight aria-hidden className="devices-chevron" />
          <span className="devices-title">{t.title}</span>
          {open && disks !== undefined && disks > 0 ? <span className="dim number">{t.count(disks)}</span> : null}
        </Button>
      </h2>
      {open ? <div id={id} className="devices-body"><DeviceList onChosen={onChosen ?? (() => {})} /></div> : null}
    </section>
  );
}

function DeviceList({ onChosen }: { onChosen: () => void }) {
  const list = useDevices((state) => state.list);
  const error = useDevices((state) => state.error);
  useEffect(followDevices, []);
  if (error !== undefined) return <p className="devices-note" role="alert">{t.failed} <bdi className="dim">{visibleText(error.message)}</bdi></p>;
  if (list === undefined) return <p className="dim devices-note">{t.loading}</p>;
  const advice = list.advice === '' ? null : <p className="dim devices-note"><bdi>{visibleText(list.advice)}</bdi></p>;
  if (list.devices.length === 0) return <>{list.advice === '' ? <p className="dim devices-note">{t.none}</p> : advice}</>;
  // Of one path there may be another disk by now, so that lines are known by it: a token is the path's.
  const rowOf = (key: unknown): DeviceRow | undefined => list.devices.find(({ source }) => source.token === key);
  return (
    <>
      <GridList
        aria-label={t.list} className="device-list" items={list.devices} dependencies={[list]} selectionMode="none"
        onAction={(key) => {
          const row = rowOf(key);
          if (row === undefined) return;
          openSources([row.source]);
          onChosen();
        }}
      >
        {(row) => <Device id={row.source.token} row={row} explained={isExplained(row, list.devices)} />}
      </GridList>
      {advice}
      <p className="dim devices-note">{t.hint}</p>
    </>
  );
}
