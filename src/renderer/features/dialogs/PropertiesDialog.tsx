import { Button } from 'react-aria-components';
import type { EntryDetails } from '../../../shared/contract/rows.ts';
import type { Dialog } from '../../app/state.ts';
import { formatExactSize, formatExactTime, formatMode, formatOctal } from '../../models/format.ts';
import { EntryIcon, typeText } from '../../ui/entry-icon.tsx';
import { ErrorPanel } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { closeDialog } from './Dialogs.tsx';

const t = texts.properties;

/** Everything about one entry. */
export function PropertiesDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'properties' }> }) {
  const { details, error, path, name } = dialog;
  return (
    <ModalDialog title={t.title(name.slice(0, 60))} onClose={closeDialog} wide>
      <div className="dialog-body" role="region" aria-label={t.general} tabIndex={0}>
        {error === undefined ? null : <ErrorPanel error={error} about={path} />}
        {details === undefined ? null : <Details details={details} path={path} />}
      </div>
      <footer className="dialog-foot"><Button className="button is-primary" autoFocus onPress={closeDialog}>{texts.close}</Button></footer>
    </ModalDialog>
  );
}

function Details({ details, path }: { details: EntryDetails; path: string }) {
  const general: (readonly [string, React.ReactNode])[] = [
    [t.path, <span className="breaks" key="path"><bdi>{path}</bdi></span>],
    [t.type, typeText(details)],
    ...(details.target === undefined ? [] : [[t.target, <bdi key="target">{details.target}</bdi>] as const]),
    ...(details.type === 'file' || details.type === 'dir' ? [[t.size, formatExactSize(details.size)] as const] : []),
    [t.allocated, formatExactSize(details.allocated)],
    ...(details.device === undefined ? [] : [[t.device, t.numbers(details.device.major, details.device.minor)] as const]),
    [t.owner, t.ids(details.uid, details.gid)],
    [t.links, details.nlink],
    [t.inode, details.node],
    ...(details.flags.length === 0 ? [] : [[t.flags, details.flags.join(', ')] as const]),
  ];
  const times: (readonly [string, bigint])[] = [[t.modified, details.mtime], [t.changed, details.ctime], [t.accessed, details.atime], ...(details.btime === undefined ? [] : [[t.created, details.btime] as const])];
  return (
    <>
      <p className="preview-name"><EntryIcon row={details} /><Name display={details.display} /></p>
      <Facts title={t.general} facts={general} />
      <Facts title={t.times} facts={times.map(([label, time]) => [label, <span key={label} className="number">{formatExactTime(time)}</span>])} />
      <section className="section">
        <h3>{t.permissions}</h3>
        <Permissions details={details} />
      </section>
      {details.acl === undefined || details.acl.length === 0 ? null : <section className="section"><h3>{t.acl}</h3><ul className="plain-list mono">{details.acl.map((line, i) => <li key={i}>{`${line.who}:${line.name ?? line.id ?? ''}:${line.rights}`}</li>)}</ul></section>}
      {details.xattrs.length === 0 ? null : (
        <Facts title={t.xattrs} facts={details.xattrs.map((xattr) => [xattr.name, <span key={xattr.name} className="mono breaks">{xattr.text ?? [...xattr.value.subarray(0, 256)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}</span>])} />
      )}
    </>
  );
}

function Facts({ title, facts }: { title: string; facts: readonly (readonly [string, React.ReactNode])[] }) {
  return (
    <section className="section">
      <h3>{title}</h3>
      <dl className="facts">{facts.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}</dl>
    </section>
  );
}

const WHO = [['owner', 6], ['group', 3], ['others', 0]] as const;
const RIGHTS = [['read', 4], ['write', 2], ['execute', 1]] as const;

function Permissions({ details }: { details: EntryDetails }) {
  const { mode, type } = details;
  const special = [mode & 0o4000 ? t.special.setuid : '', mode & 0o2000 ? t.special.setgid : '', mode & 0o1000 ? t.special.sticky : ''].filter(Boolean);
  return (
    <>
      <p className="mono">{formatMode(type, mode)} <span className="dim">{formatOctal(mode)}{special.length === 0 ? '' : ` · ${special.join(', ')}`}</span></p>
      <table className="rights">
        <thead><tr><th scope="col"><span className="visually-hidden">{t.permissions}</span></th>{RIGHTS.map(([right]) => <th key={right} scope="col">{t.rights[right]}</th>)}</tr></thead>
        <tbody>
          {WHO.map(([who, shift]) => (
            <tr key={who}><th scope="row">{t.rights[who]}</th>{RIGHTS.map(([right, bit]) => <td key={right}>{(mode >> shift) & bit ? t.yes : <span className="dim">{t.no}</span>}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
