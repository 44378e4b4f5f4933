import { X } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { SETTLED } from '../app/focus.ts';
import { IconButton } from './buttons.tsx';
import { texts } from '../texts/index.ts';

/** A dialog in the middle of the window; Escape leaves it. @param className a size of its own, for dialogs that have one */
export function ModalDialog({ title, onClose, children, wide = false, className = wide ? 'is-wide' : '', role = 'dialog' }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean; className?: string; role?: 'dialog' | 'alertdialog' }) {
  const dialog = useRef<HTMLElement>(null);
  useEffect(() => {
    // A button that is disabled by what it began, or gone, takes the focus along: then not even Escape would be heard.
    const timer = setTimeout(() => {
      if (document.activeElement === document.body) dialog.current?.focus({ preventScroll: true });
    }, SETTLED);
    return () => clearTimeout(timer);
  });
  useEffect(() => {
    // A part of the dialog that went by itself (a form that is done) took the focus along, and nothing here was drawn anew.
    const onKey = (event: KeyboardEvent): void => {
      if (document.activeElement !== document.body) return;
      dialog.current?.focus({ preventScroll: true });
      if (event.key === 'Escape') onClose();
    };
    window.addEventListener('keydown', onKey, true);
    return () => window.removeEventListener('keydown', onKey, true);
  }, [onClose]);
  return (
    <ModalOverlay className="overlay" isOpen onOpenChange={(open) => { if (!open) onClose(); }} isDismissable={role === 'dialog'}>
      <Modal className={`modal ${className}`}>
        <Dialog ref={dialog} className="dialog" role={role}>
          <header className="dialog-head">
            <Heading slot="title"><bdi>{title}</bdi></Heading>
            <IconButton label={texts.close} icon={X} onPress={onClose} />
          </header>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
