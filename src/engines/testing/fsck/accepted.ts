/** Images of e2fsprogs' own tests on which our check differs from e2fsck 1.47.0 on purpose, each with the reason. All others must agree. */
export const ACCEPTED: Readonly<Record<string, string>> = {
  f_ea_inode_fast_symlink: 'e2fsck takes the target of a sound short link, whose attributes have values in inodes, for block numbers, and deletes the link. Later versions accept it, as we do.',
};

/** Images on which e2fsck 1.47.0 gives no answer that ours could be compared with. */
export const UNANSWERED: Readonly<Record<string, string>> = {
  f_desc_size_zero: 'e2fsck divides by zero. We refuse it: descriptors of no size can\'t be read.',
  f_h_badroot: 'e2fsck -fn crashes over the damaged index; -fy repairs it, as we do.',
  f_illitable_flexbg: 'e2fsck -fn finds no end; -fy repairs it, as we do.',
  f_inlinedir_bad_symlink: 'e2fsck crashes. We repair it, but e2fsck can\'t judge the result.',
};
