# Words that the recipes are made of. IMG is the image to make, HERE this folder, TMP a scratch folder, CACHE where finished images are.
set -euo pipefail
export LC_ALL=C TZ=UTC E2FSPROGS_FAKE_TIME=1700000000
U=8f3c0a52-1111-4222-8333-0123456789ab
MNT=$TMP/mnt SRC=$TMP/src
mkdir -p "$MNT" "$SRC"

# mk SIZE MKE2FS-OPTIONS…: an empty filesystem; extended options come in E.
mk() { local size=$1; shift; truncate -s "$size" "$IMG"; mke2fs -q -F -U $U -E "hash_seed=$U,root_owner=0:0${E:+,$E}" "$@" "$IMG" >"$TMP/mke2fs.log" 2>&1 || { cat "$TMP/mke2fs.log" >&2; return 1; }; }
# on [OPTIONS]: mounted by the kernel at MNT; off: unmounted.
on() { mount -t ext4 -o "loop${1:+,$1}" "$IMG" "$MNT"; }
off() { umount "$MNT"; }
# fill KIND [ARGUMENT…]: puts things into the mounted image; source: into the folder that `mk … -d $SRC` copies in.
fill() { python3 "$HERE/fill.py" "$1" "$MNT" "${@:2}"; }
source_tree() { python3 "$HERE/fill.py" "$1" "$SRC" "${@:2}"; }
# snap: the image becomes what it is now, while mounted: as after a power cut.
snap() { cp --sparse=always "$IMG" "$TMP/snap"; }
off_to_snap() { off; mv "$TMP/snap" "$IMG"; }
# kernel KIND…: an image that is filled by the kernel with these kinds.
kernel() { on; for kind in "$@"; do fill $kind; done; off; }
debug() { debugfs -w -R "$1" "$IMG" 2>/dev/null >&2; }
