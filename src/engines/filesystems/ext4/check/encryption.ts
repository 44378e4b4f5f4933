import { isDiskError } from '../../../core/errors.ts';
import { INODE_FLAGS } from '../layout.ts';
import { readEncryptionContext } from '../xattr.ts';
import type { CheckContext } from './context.ts';
import { xattrsOf } from './inline-directory.ts';

/** What an inode without encryption has for a policy, and one whose context can't be read. */
export const NO_POLICY = 'none';
const UNKNOWN = 'unknown';

/** Bytes of struct fscrypt_context by its version, and of the nonce at its end, which is each file's own. */
const SIZES: Readonly<Record<number, number>> = { 1: 28, 2: 40 };
const NONCE = 16;

/** The encryption policy of an inode, as a word that equal policies share (fscrypt_context without its nonce). */
export function encryptionPolicy(context: CheckContext, number: number): string {
  const inode = context.readInode(number);
  if (!inode.has(INODE_FLAGS.encrypt)) return NO_POLICY;
  try {
    const value = readEncryptionContext(xattrsOf(context, inode));
    if (value === undefined || value.length !== SIZES[value[0]!]) return UNKNOWN;
    return [...value.subarray(0, value.length - NONCE)].join(',');
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return UNKNOWN;
  }
}
