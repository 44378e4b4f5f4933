/** What clients have asked for, of all connections that count into it. */
export interface NbdStatistics {
  /** That opened an export, those that are gone as well. */
  connections: number;
  requests: number;
  /** Requests that were answered with an error. */
  errors: number;
  bytesRead: number;
  /** Bytes that were written, with those that were zeroed. */
  bytesWritten: number;
}

export function newStatistics(): NbdStatistics {
  return { connections: 0, requests: 0, errors: 0, bytesRead: 0, bytesWritten: 0 };
}
