import { useState } from 'react';
import { Button, FieldError, Form, Input, Label, TextField } from 'react-aria-components';
import type { JobEvent } from '../../../shared/contract/calls.ts';
import { answer, type Transfer } from '../../app/transfers.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';

type Password = Extract<Extract<JobEvent, { event: 'question' }>['question'], { kind: 'password' }>;

export function PasswordDialog({ transfer, question }: { transfer: Transfer; question: Password }) {
  const [password, setPassword] = useState('');
  const stop = (): void => answer(transfer, { stop: true });
  return (
    <ModalDialog title={texts.password.title} onClose={stop}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); answer(transfer, { password }); }}>
        <TextField className="field" type="password" value={password} onChange={setPassword} autoFocus isInvalid={question.attempt > 1 && password === ''}>
          <Label>{texts.password.label(question.what)}</Label>
          <Input className="input" />
          <FieldError className="field-error">{texts.password.again}</FieldError>
        </TextField>
        <footer className="dialog-foot">
          <Button className="button" onPress={stop}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={password === ''}>{texts.password.unlock}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}
