import { describe, expect, it } from 'vitest';
import type { ToHost } from './control.ts';
import { Spare } from './spare.ts';
import type { HostLink } from './supervisor.ts';

class FakeLink implements HostLink<never> {
  readonly sent: ToHost[] = [];
  readonly #exits: ((reason: string) => void)[] = [];
  killed = false;
  send(message: ToHost): void { this.sent.push(message); }
  onMessage(): void {}
  onExit(run: (reason: string) => void): void { this.#exits.push(run); }
  kill(): void { this.killed = true; this.exit(); }
  exit(): void { for (const run of this.#exits) run('it ended'); }
}

function links(): { made: FakeLink[]; spare: Spare<never> } {
  const made: FakeLink[] = [];
  return { made, spare: new Spare<never>(() => { made.push(new FakeLink()); return made.at(-1)!; }) };
}

describe('a spare process', () => {
  it('is prepared once, and handed over once', async () => {
    const { made, spare } = links();
    spare.prepare();
    spare.prepare();
    expect(made).toHaveLength(1);
    expect(made[0]!.sent).toEqual([{ do: 'prepare' }]);
    expect(spare.take()).toBe(made[0]);
    expect(spare.take()).toBe(made[1]);
    await spare.close();
    expect(made.map(({ killed }) => killed)).toEqual([false, false]);
  });

  it('that has died is not handed over', async () => {
    const { made, spare } = links();
    spare.prepare();
    made[0]!.exit();
    expect(spare.take()).toBe(made[1]);
    await spare.close();
  });

  it('ends with the app, and none is started after that', async () => {
    const { made, spare } = links();
    spare.prepare();
    await spare.close();
    expect(made[0]!.killed).toBe(true);
    spare.prepare();
    expect(made).toHaveLength(1);
  });
});
