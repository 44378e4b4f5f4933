import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, type ButtonProps, Tooltip, TooltipTrigger } from 'react-aria-components';
import { ariaKeys, shownKeys } from '../commands/keys.ts';
import { type Command, runCommand } from '../commands/index.ts';
import { useNarrow } from '../app/narrow.ts';
import { getApp, useApp } from '../app/state.ts';
import { useTransfers } from '../app/transfers.ts';

function Tip({ children }: { children: ReactNode }) {
  return <Tooltip className="tip" offset={6}>{children}</Tooltip>;
}

/** A button that is only an icon; its name is its label and its tooltip. */
export function IconButton({ label, icon: Icon, tip, className, ...props }: { label: string; icon: LucideIcon; tip?: ReactNode } & Omit<ButtonProps, 'children' | 'aria-label'>) {
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      <Button {...props} aria-label={label} className={`icon-button ${typeof className === 'string' ? className : ''}`}><Icon aria-hidden /></Button>
      <Tip>{tip ?? label}</Tip>
    </TooltipTrigger>
  );
}

export function isMac(platform: string | undefined): boolean {
  return platform === 'darwin';
}

/** A command of the list as a toolbar button. Disabled, it still has a tooltip, which says why. */
export function CommandButton({ command, text, icon }: { command: Command; text?: boolean; icon?: LucideIcon }) {
  const enabled = useApp(command.enabled);
  const on = useApp((state) => command.on?.(state));
  const title = useApp((state) => command.title?.(state) ?? command.label);
  // Some commands depend on the transfers, too, or on the width of the window.
  useTransfers(() => command.enabled(getApp()));
  useNarrow();
  const mac = useApp((state) => isMac(state.info?.platform));
  const [keys] = command.keys;
  const Icon = icon ?? command.icon;
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      <Button
        className={`icon-button ${text ? 'has-text' : ''} ${on ? 'is-on' : ''} ${enabled === true ? '' : 'is-off'}`}
        aria-label={title}
        {...(on === undefined ? {} : { 'aria-pressed': on })}
        {...(enabled === true ? {} : { 'aria-disabled': true })}
        {...(keys === undefined ? {} : { 'aria-keyshortcuts': ariaKeys(keys, mac) })}
        onPress={() => runCommand(command.id)}
      >
        <Icon aria-hidden />
        {text ? <span>{command.label}</span> : null}
      </Button>
      <Tip>
        <bdi>{title}</bdi>
        {keys === undefined ? null : <kbd>{shownKeys(keys, mac)}</kbd>}
        {enabled === true ? null : <span className="tip-reason">{enabled}</span>}
      </Tip>
    </TooltipTrigger>
  );
}
