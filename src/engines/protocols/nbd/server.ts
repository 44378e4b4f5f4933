import type { ByteChannel } from '../../core/channel.ts';
import { type DiskError, toDiskError } from '../../core/errors.ts';
import type { JobContext } from '../../core/job.ts';
import { checkExports, ExportedDevice, type NbdExport } from './export.ts';
import { shakeHands } from './handshake.ts';
import { Inbox } from './inbox.ts';
import { type NbdStatistics, newStatistics } from './statistics.ts';
import { Transmission } from './transmission.ts';

export interface NbdOptions {
  /** Work goes on as long as it says, so that others get their turns. A job that is cancelled ends the connection. */
  readonly job: Pick<JobContext, 'breathe'>;
  /** From when it says so on, nothing is written any more; what is read is still answered. Asked before every piece of every write. */
  readonly fenced?: () => boolean;
  /** What is counted into; several connections may share it. */
  readonly statistics?: NbdStatistics;
  /** Told when the client has opened an export: others only looked. */
  readonly onOpen?: (name: string) => void;
}

/** A client that is being served. */
export interface NbdConnection {
  /** Resolves when it is over, and nothing is read or written for it any more: without an error when the client left in order. */
  readonly ended: Promise<DiskError | undefined>;
  /** Ends it; a request that is being served is not finished. */
  close(): void;
}

/**
 * Serves block devices to one client by the NBD protocol (fixed newstyle). The channel is the connection's, which closes it at its end; the devices
 * stay open. Several connections may serve the same devices.
 * @throws DiskError usage EINVAL for exports that can't be named
 */
export function serveNbd(channel: ByteChannel, exports: readonly NbdExport[], options: NbdOptions): NbdConnection {
  checkExports(exports);
  const inbox = new Inbox();
  let failure: DiskError | undefined;
  let closed = false;
  channel.onBytes((bytes) => inbox.push(bytes));
  channel.onEnd((error) => {
    failure = error;
    inbox.end();
  });
  const { job, fenced = () => false, statistics = newStatistics(), onOpen } = options;
  const serve = async (): Promise<DiskError | undefined> => {
    try {
      const agreement = await shakeHands(channel, inbox, exports.map((each) => new ExportedDevice(each)));
      if (agreement !== undefined) {
        statistics.connections++;
        onOpen?.(agreement.device.name);
        await new Transmission(inbox, channel, agreement, { job, statistics, fenced: () => closed || fenced() }).run();
      }
      return failure;
    } catch (error) {
      return closed ? undefined : failure ?? toDiskError(error);
    } finally {
      inbox.discard();
      channel.close();
    }
  };
  return {
    ended: serve(),
    close() {
      closed = true;
      inbox.discard();
      channel.close();
    },
  };
}
