import { Check, CircleAlert, TriangleAlert, X } from 'lucide-react';
import { Button, Text, UNSTABLE_Toast as Toast, UNSTABLE_ToastContent as ToastContent, UNSTABLE_ToastRegion as ToastRegion } from 'react-aria-components';
import { copyText, detailsOf, whereOf } from './errors.tsx';
import { visibleText } from '../models/visible-text.ts';
import { texts } from '../texts/index.ts';
import { toasts } from './toasts.ts';

const ICONS = { done: Check, warning: TriangleAlert, error: CircleAlert } as const;

/** What happened lately, in the corner. */
export function Toasts() {
  return (
    <ToastRegion queue={toasts} className="toasts">
      {({ toast }) => {
        const { text, tone, error, actions } = toast.content;
        const Icon = tone === undefined ? undefined : ICONS[tone];
        const where = error === undefined ? undefined : whereOf(error);
        return (
          <Toast toast={toast} className={`toast tone-${tone ?? 'plain'}`}>
            {Icon === undefined ? null : <Icon aria-hidden className="toast-icon" />}
            <ToastContent className="toast-content">
              <Text slot="title"><bdi>{visibleText(text)}</bdi></Text>
              {where === undefined ? null : <span className="dim">{where}</span>}
              {error?.advice === undefined ? null : <span className="dim">{visibleText(error.advice)}</span>}
              {actions === undefined && error === undefined ? null : (
                <span className="toast-actions">
                  {actions?.map((action) => <Button key={action.label} className="link" onPress={action.run}>{action.label}</Button>)}
                  {error === undefined ? null : <Button className="link" onPress={() => void copyText(detailsOf(error, text))}>{texts.copyDetails}</Button>}
                </span>
              )}
            </ToastContent>
            <Button slot="close" className="icon-button" aria-label={texts.dismiss}><X aria-hidden /></Button>
          </Toast>
        );
      }}
    </ToastRegion>
  );
}
