import { closeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ioError } from '../../engines/core/errors.ts';
import { type FuseDevice, PollList } from '../native/fuse-device.ts';

/** What is read when its descriptor has something. */
export interface Polled {
  readonly fd: number;
  /** False while it can't take more: its descriptor is left alone. */
  readonly wants: boolean;
  /** Nothing that it read is still being worked on. */
  readonly idle: boolean;
  /** Reads what is there, at most so many messages; never waits. @returns whether there was anything */
  drain(most: number): boolean;
}

/** Tells those that are read when there is something. */
export interface Waking {
  /** @throws DiskError io when the system has no descriptor left */
  add(polled: Polled): void;
  /** It is not read any more when this returns. Its descriptor may be closed. */
  remove(polled: Polled): void;
  /** The list changed, or one of them wants again. */
  wake(): void;
}

/**
 * Microseconds that this thread waits in the kernel for the next request, when it just answered one: a program that looks at one file after the other comes
 * back within 10 to 60, and is answered at once, without a change of threads (three times as many answers a second). Timers and others wait as long.
 */
const LINGER = 100;

/**
 * Microseconds before them in which it does not sleep, but reads again and again: waking a processor that sleeps takes longer than most answers, in a virtual machine several times as long
 * (stats of 20,000 files one after the other: 0.86 s instead of 1.89 s on two idle processors). With one processor, the program that would ask needs it.
 */
const SPIN = availableParallelism() > 1 ? 60 : 0;

/** Waits in vain, one after the other, until it is believed that no such program is there. */
const MOST_MISSES = 3;

/** Milliseconds of reading and answering after which everything else of the process has its turn. */
const TURN = 2;

/** Messages of one mount until the others have their turn. */
const BATCH = 32;

/** The errors that are no more than "ask again". */
const [EINTR, EAGAIN, ENOMEM] = [4, 11, 12];

/**
 * Tells the mounts of this process when the kernel has requests for them. All wait together in one poll(2), in one thread of libuv's pool (of four; a read
 * that blocks would take one a mount, and four mounts would leave none to files and name servers). An event ends the wait when the list changes and when the
 * process exits, which would otherwise wait for that thread for ever.
 */
export class FusePoller implements Waking {
  readonly #calls: FuseDevice;
  readonly #polled = new Set<Polled>();
  /** What `#list` was made of, in its order, after the event. */
  #listed: readonly Polled[] = [];
  #list: PollList | undefined;
  #event = -1;
  /** 'waiting': in the pool's thread. 'turn': in this one, or soon. */
  #state: 'asleep' | 'waiting' | 'turn' = 'asleep';
  #misses = 0;
  #waitingSince = 0;
  readonly #wakeAtExit = (): void => this.wake();

  constructor(calls: FuseDevice) {
    this.#calls = calls;
  }

  add(polled: Polled): void {
    if (this.#event < 0) {
      this.#event = this.#calls.event();
      if (this.#event < 0) throw ioError(`No event can be made: errno ${-this.#event}`);
      process.on('exit', this.#wakeAtExit);
    }
    this.#polled.add(polled);
    this.wake();
  }

  remove(polled: Polled): void {
    this.#polled.delete(polled);
    this.wake();
  }

  wake(): void {
    this.#list = undefined;
    if (this.#state === 'waiting') this.#calls.write(this.#event, ONE, ONE.length);
    else if (this.#state === 'asleep') this.#soon();
  }

  #soon(): void {
    this.#state = 'turn';
    setImmediate(() => this.#turn());
  }

  /** Reads, answers and looks again, until there is nothing more or others have to have their turn. */
  #turn(): void {
    const start = performance.now();
    for (;;) {
      const list = this.#current();
      if (list === undefined) return this.#sleep();
      if (!this.#read() && !this.#linger(list)) return this.#wait();
      // Answers that come with a promise which is resolved already need no more than a turn of the loop.
      if (performance.now() - start > TURN || !this.#idle()) return this.#soon();
    }
  }

  /** Reads and answers without asking first whether there is anything: mostly there is, and where not, the reading tells it as well. @returns whether there was */
  #read(): boolean {
    let any = false;
    for (const each of this.#listed) {
      // One of them may have ended, or stopped another, meanwhile.
      if (this.#polled.has(each) && each.wants && each.drain(BATCH)) any = true;
    }
    return any;
  }

  /** Waits a short while for whoever was just answered, and reads what came. @returns false when nothing did */
  #linger(list: PollList): boolean {
    if (this.#misses >= MOST_MISSES || !this.#idle()) return false;
    for (const end = performance.now() + SPIN / 1000; performance.now() < end;) {
      if (this.#list !== list || this.#read()) {
        this.#misses = 0;
        return true;
      }
    }
    if (this.#calls.poll(list, LINGER) <= 0) {
      this.#misses++;
      return false;
    }
    this.#misses = 0;
    this.#take(list);
    return true;
  }

  #idle(): boolean {
    for (const each of this.#listed) if (!each.idle) return false;
    return true;
  }

  /** After a wait: the event is taken back, and the others are read. */
  #take(list: PollList): void {
    if (list.ready(0)) this.#calls.read(this.#event, EIGHT);
    this.#read();
  }

  #wait(): void {
    // Whoever can't take more would end the wait at once; it wakes us when it can.
    if (this.#listed.some(({ wants }) => !wants)) this.#list = undefined;
    const list = this.#current();
    if (list === undefined) return this.#sleep();
    this.#state = 'waiting';
    this.#waitingSince = performance.now();
    this.#calls.pollLater(list, (result) => {
      this.#state = 'turn';
      if (result < 0 && result !== -EINTR) {
        // Nothing of it is ours to mend (no memory): ask again, but not in circles.
        if (result !== -EAGAIN && result !== -ENOMEM) this.#list = undefined;
        setTimeout(() => this.#turn(), 10);
        return;
      }
      if ((performance.now() - this.#waitingSince) * 1000 < LINGER * 2) this.#misses = 0;
      this.#take(list);
      if (this.#idle()) this.#turn();
      else this.#soon();
    });
  }

  /** The list as it is now; undefined when nothing is left to wait for. */
  #current(): PollList | undefined {
    if (this.#polled.size === 0) return undefined;
    if (this.#list === undefined) {
      this.#listed = [...this.#polled].filter((each) => each.wants);
      this.#list = new PollList([this.#event, ...this.#listed.map(({ fd }) => fd)]);
    }
    return this.#list;
  }

  #sleep(): void {
    this.#state = 'asleep';
    this.#list = undefined;
    this.#listed = [];
    process.off('exit', this.#wakeAtExit);
    if (this.#event >= 0) closeSync(this.#event);
    this.#event = -1;
  }
}

/** What is written to an event, and where it is read to. */
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const EIGHT = new Uint8Array(8);
