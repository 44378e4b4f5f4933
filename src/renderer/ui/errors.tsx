import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { type ErrorData, errorOf, type Note, services } from '../app/services.ts';
import { formatOffset } from '../models/format.ts';
import { visibleText } from '../models/visible-text.ts';
import { texts } from '../texts/index.ts';
import { notify, notifyError } from './toasts.ts';

/** Where an error lies, as one line; undefined where it has no place. */
export function whereOf(error: ErrorData): string | undefined {
  const { fault } = error;
  const place = fault.kind === 'corrupt' || fault.kind === 'io' ? fault.place : undefined;
  if (place !== undefined) return placeText(place);
  return fault.kind === 'unsupported' ? fault.feature : fault.kind === 'locked' ? fault.what : undefined;
}

export function placeText(place: NonNullable<Note['place']>): string {
  return texts.error.at(place.structure, place.at === undefined ? undefined : formatOffset(place.at));
}

/** Everything about an error as text, for a report. */
export function detailsOf(error: ErrorData, about: string): string {
  return visibleText([about, `${error.fault.kind}: ${error.message}`, error.advice, JSON.stringify(error.fault)].filter(Boolean).join('\n'));
}

export async function copyText(text: string): Promise<void> {
  try {
    await services().app.call('text.copy', { text });
    notify({ text: texts.copied });
  } catch (error) {
    notifyError(errorOf(error));
  }
}

/** What happened, where, and what can be done about it. */
export function ErrorPanel({ error, title, about, level = 2, onPlace, children }: { error: ErrorData; title?: string; about: string; level?: 1 | 2; /** Shows the bytes at the error's place. */ onPlace?: (at: number) => void; children?: ReactNode }) {
  const where = whereOf(error);
  const at = error.fault.kind === 'corrupt' || error.fault.kind === 'io' ? error.fault.place?.at : undefined;
  const Title = `h${level}` as const;
  const advice = error.advice ?? texts.advice[error.fault.kind];
  return (
    <section className="error-panel" role="alert">
      <CircleAlert aria-hidden className="error-icon" />
      <div>
        <Title>{title ?? texts.faults[error.fault.kind]}</Title>
        <p className="error-message"><bdi>{visibleText(error.message)}</bdi></p>
        <dl className="facts">
          {where === undefined ? null : <><dt>{texts.error.where}</dt><dd><PlaceLink text={where} at={at} onPlace={onPlace} /></dd></>}
          {advice === '' ? null : <><dt>{texts.error.todo}</dt><dd>{visibleText(advice)}</dd></>}
        </dl>
        <div className="actions">
          {children}
          <Button className="button" onPress={() => void copyText(detailsOf(error, about))}>{texts.copyDetails}</Button>
        </div>
      </div>
    </section>
  );
}

/** A place on an image; a link to its bytes where it has an offset and somebody can show them. */
function PlaceLink({ text, at, onPlace }: { text: string; at: number | undefined; onPlace: ((at: number) => void) | undefined }) {
  return at === undefined || onPlace === undefined ? text : <Button className="link" aria-label={texts.hex.showPlace(text)} onPress={() => onPlace(at)}>{text}</Button>;
}

/** What was noticed in an image, each with its place. */
export function Notes({ notes, onPlace }: { notes: readonly Note[]; onPlace?: (at: number) => void }) {
  return (
    <ul className="notes">
      {notes.map((note, i) => {
        const Icon = note.severity === 'error' ? CircleAlert : note.severity === 'warning' ? TriangleAlert : Info;
        return (
          <li key={i} className={`note-${note.severity}`}>
            <Icon aria-hidden />
            <span>
              <bdi>{visibleText(note.message)}</bdi>
              {note.place === undefined ? null : <span className="dim"><PlaceLink text={placeText(note.place)} at={note.place.at} onPlace={onPlace} /></span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
