import { Check } from 'lucide-react';
import type { EntryDetails } from '../../../shared/contract/rows.ts';
import { formatMode, formatOctal } from '../../models/format.ts';
import { texts } from '../../texts/index.ts';
import type { Editable } from './editing.ts';
import { aclTitle, aclWho, specialBits } from './entry-pages.ts';
import { FactGroup, Part } from './parts.tsx';
import { PermissionsForm } from './PermissionsForm.tsx';

const t = texts.properties;
const WHO = [['owner', 6], ['group', 3], ['others', 0]] as const;
const RIGHTS = [['read', 4], ['write', 2], ['execute', 1]] as const;

/** Who may do what: the mode as letters, number and grid, then the access lists. */
export function Permissions({ details, editable }: { details: EntryDetails; editable?: Editable | undefined }) {
  const { mode, type, acl = [] } = details;
  const special = specialBits(details);
  const names = { owner: t.id(details.uid, details.owner), group: t.id(details.gid, details.group), others: '' };
  return (
    <>
      {editable === undefined ? null : <PermissionsForm key={`${mode} ${details.uid} ${details.gid}`} details={details} editable={editable} />}
      {editable !== undefined ? null : <Part title={t.permissions}>
        <table className="rights">
          <caption className="visually-hidden">{t.permissions}</caption>
          <thead><tr><th scope="col"><span className="visually-hidden">{t.aclWho}</span></th>{RIGHTS.map(([right]) => <th key={right} scope="col">{right === 'execute' && type === 'dir' ? t.rights.enter : t.rights[right]}</th>)}</tr></thead>
          <tbody>
            {WHO.map(([who, shift]) => (
              <tr key={who}>
                <th scope="row">{t.rights[who]} <bdi className="dim">{names[who]}</bdi></th>
                {RIGHTS.map(([right, bit]) => <td key={right}>{(mode >> shift) & bit ? <><Check aria-hidden /><span className="visually-hidden">{t.yes}</span></> : <><span aria-hidden className="dim">{t.nowhere}</span><span className="visually-hidden">{t.no}</span></>}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </Part>}
      <FactGroup group={{ title: t.mode, facts: [[t.mode, formatMode(type, mode)], [t.octal, formatOctal(mode)], ...(special.length === 0 ? [] : [[t.special, special.join(', ')] as const])] }} />
      {acl.length === 0 ? <p className="dim">{t.aclNone}</p> : null}
      {(['access', 'default'] as const).map((scope) => {
        const lines = acl.filter((line) => line.scope === scope);
        return lines.length === 0 ? null : (
          <Part key={scope} title={aclTitle(scope)}>
            <table className="rights">
              <thead><tr><th scope="col">{t.aclWho}</th><th scope="col">{t.aclRights}</th></tr></thead>
              <tbody>{lines.slice(0, 1000).map((line, i) => <tr key={i}><th scope="row"><bdi>{aclWho(line)}</bdi></th><td className="mono">{line.rights}</td></tr>)}</tbody>
            </table>
          </Part>
        );
      })}
    </>
  );
}
