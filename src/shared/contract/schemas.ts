import * as v from 'valibot';

/** Words of the contract that several of its parts share. */

/** A call's checked parameters and its result. */
export interface Call<P extends v.GenericSchema = v.GenericSchema, R = unknown> {
  readonly kind: 'call';
  readonly params: P;
  /** Carries the type only. */
  readonly result?: R;
}

/** A stream's checked parameters and its items. Credit holds the sender back; cancel ends it. */
export interface Stream<P extends v.GenericSchema = v.GenericSchema, I = unknown> {
  readonly kind: 'stream';
  readonly params: P;
  readonly item?: I;
}

export const returns = <R>() => <P extends v.GenericSchema>(params: P): Call<P, R> => ({ kind: 'call', params });
export const streams = <I>() => <P extends v.GenericSchema>(params: P): Stream<P, I> => ({ kind: 'stream', params });

export const none = v.strictObject({});
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const layer = v.pipe(v.string(), v.maxLength(256), v.regex(/^\d+(\/\d+)*$/));
export const name = v.pipe(v.string(), v.maxLength(65536));
/** A word for a path of this computer, made by the service that knows the path. Pages never see or send paths. */
export const token = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
export const handle = { layer, node: count };
export const entries = v.pipe(v.array(v.strictObject({ node: count, name })), v.minLength(1), v.maxLength(1_000_000));
