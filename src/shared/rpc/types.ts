import type * as v from 'valibot';
import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { Call, Stream } from '../contract/schemas.ts';

/**
 * A small typed RPC over anything that carries messages. Calls have one answer. Streams have items, held back by
 * credit: the server sends no more items than the client has room for. Either side may go away at any time.
 */

export type Contract = Readonly<Record<string, Call | Stream>>;
export type CallName<C extends Contract> = { [K in keyof C]: C[K] extends { readonly kind: 'call' } ? K : never }[keyof C] & string;
export type StreamName<C extends Contract> = { [K in keyof C]: C[K] extends { readonly kind: 'stream' } ? K : never }[keyof C] & string;
export type Params<D> = D extends { readonly params: infer P extends v.GenericSchema } ? v.InferOutput<P> : never;
export type Result<D> = D extends Call<v.GenericSchema, infer R> ? R : never;
export type Item<D> = D extends Stream<v.GenericSchema, infer I> ? I : never;

/** Set when the other side no longer wants the answer. */
export interface Cancel {
  readonly aborted: boolean;
  onAbort(run: () => void): void;
}

/** A service: one function a call, one async generator a stream. Parameters are checked before they get here. */
export type Service<C extends Contract> =
  & { readonly [K in CallName<C>]: (params: Params<C[K]>, cancel: Cancel) => Promise<Result<C[K]>> | Result<C[K]> }
  & { readonly [K in StreamName<C>]: (params: Params<C[K]>, cancel: Cancel) => AsyncIterable<Item<C[K]>> };

/** The other side of a service. Answers that are errors reject with a DiskError. */
export interface Client<C extends Contract> {
  call<K extends CallName<C>>(name: K, params: Params<C[K]>, signal?: AbortSignalLike): Promise<Result<C[K]>>;
  stream<K extends StreamName<C>>(name: K, params: Params<C[K]>, signal?: AbortSignalLike): AsyncIterable<Item<C[K]>>;
  /** Pending calls reject with 'io'. */
  close(): void;
  /** Runs once when the channel is gone, with the reason. */
  onClose(run: (reason: string) => void): void;
}

/** The part of the DOM's AbortSignal that is used; engines and shared code know no DOM. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', run: () => void): void;
  removeEventListener(type: 'abort', run: () => void): void;
}

/** Carries messages both ways, in order, whole. `message` holds plain data with bigint, undefined and Uint8Array. */
export interface Transport {
  send(message: Message): void;
  onMessage(run: (message: unknown) => void): void;
  onClose(run: (reason: string) => void): void;
  close(): void;
}

export type Message =
  | { readonly t: 'call'; readonly id: number; readonly name: string; readonly params: unknown }
  | { readonly t: 'open'; readonly id: number; readonly name: string; readonly params: unknown; readonly credit: number }
  | { readonly t: 'credit'; readonly id: number; readonly credit: number }
  | { readonly t: 'cancel'; readonly id: number }
  | { readonly t: 'result'; readonly id: number; readonly result: unknown }
  | { readonly t: 'item'; readonly id: number; readonly item: unknown }
  | { readonly t: 'end'; readonly id: number }
  | { readonly t: 'error'; readonly id: number; readonly error: DiskErrorData };
