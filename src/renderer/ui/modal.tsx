import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { IconButton } from './buttons.tsx';
import { texts } from '../texts/index.ts';

/** A dialog in the middle of the window; Escape leaves it. @param className a size of its own, for dialogs that have one */
export function ModalDialog({ title, onClose, children, wide = false, className = wide ? 'is-wide' : '', role = 'dialog' }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean; className?: string; role?: 'dialog' | 'alertdialog' }) {
  return (
    <ModalOverlay className="overlay" isOpen onOpenChange={(open) => { if (!open) onClose(); }} isDismissable={role === 'dialog'}>
      <Modal className={`modal ${className}`}>
        <Dialog className="dialog" role={role}>
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
