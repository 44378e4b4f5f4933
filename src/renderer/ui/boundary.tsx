import { Component, type ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { texts } from '../texts/index.ts';
import { ErrorPanel } from './errors.tsx';

/** Keeps a fault of the window's own code from emptying the window: what failed is told in its place, and can be tried again. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state: { error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div className="page">
        <ErrorPanel error={{ fault: { kind: 'io' }, message: error.message.slice(0, 1000), advice: texts.fault.advice }} title={texts.fault.title} about={(error.stack ?? '').slice(0, 4000)}>
          <Button className="button is-primary" onPress={() => this.setState({ error: undefined })}>{texts.tryAgain}</Button>
          <Button className="button" onPress={() => location.reload()}>{texts.fault.reload}</Button>
        </ErrorPanel>
      </div>
    );
  }
}
