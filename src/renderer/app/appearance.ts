import { texts } from '../texts/index.ts';
import { type AppState, getApp, useApp } from './state.ts';

/** Where lines begin: as the texts' language has it, or as "?dir=rtl" asks, which shows the mirrored window before there is a language that needs it. */
export const direction: 'ltr' | 'rtl' = new URLSearchParams(location.search).get('dir') === 'rtl' ? 'rtl' : texts.direction;

/** For React Aria, which takes the direction from the script: English words that run from right to left are "en-Hebr". */
export const locale = direction === 'rtl' && texts.direction === 'ltr' ? `${texts.language}-Hebr` : texts.language;

/** Keeps the root element's attributes, which the styles go by, as the settings are. */
export function followAppearance(): void {
  const root = document.documentElement;
  root.dir = direction;
  root.lang = texts.language;
  const apply = ({ settings: { theme, density } }: AppState): void => {
    if (theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
    root.dataset['density'] = density;
  };
  apply(getApp());
  useApp.subscribe((state, before) => {
    if (state.settings !== before.settings) apply(state);
  });
}
