# ZFS pools by zfs-fuse. To be run as root in a mount namespace of its own: a daemon that runs outside, and its list of pools, are not touched.
#   zfs.sh make IMAGE SOURCE     a pool of version 23 with the files of SOURCE, in two datasets, below the mountpoint /
#   zfs.sh root IMAGE            a pool of version 15 on a disk, as Solaris starts from: a dataset that is mounted by a table (legacy), and boot environments
#   zfs.sh judge IMAGE [disk]    reads and checks all blocks; exit status 0 when nothing is wrong
set -euo pipefail
action=$1 image=$(realpath "$2") source=${3:-}

# The daemon, its socket and its lists lie in these.
mount -t tmpfs tmpfs /run
mkdir -p /run/zfs /run/lock/zfs /run/tree /run/pool
for folder in /etc/zfs /var/lib/zfs; do [ ! -d $folder ] || mount -t tmpfs tmpfs $folder; done
zfs-fuse --no-daemon --no-kstat-mount </dev/null >/run/daemon.log 2>&1 &
daemon=$!
trap 'kill -9 $daemon; wait $daemon || :' EXIT
for ((tries = 0; tries < 300; tries++)); do zpool list >/dev/null 2>&1 && break; sleep 0.1; done
# The path of a pool's file is part of the pool.
ln -s "$image" /run/pool/clutch

# Sets $loop to a device of the image, which is held open: other programs of the computer that detach a number twice may then meet it, and it stays.
attach() {
  for ((tries = 0; tries < 10; tries++)); do
    loop=$(losetup --find --show "$image")
    { exec 9<"$loop"; } 2>/dev/null && [ "$(losetup --noheadings --output BACK-FILE "$loop")" = "$image" ] && break
  done
  trap 'kill -9 $daemon; wait $daemon || :; losetup -d $loop' EXIT
  rm /run/pool/clutch
  cp -a "$loop" /run/pool/clutch
}

case $action in
  make)
    zpool create -o version=23 -m / -R /run/tree clutch /run/pool/clutch
    zfs create clutch/DIR
    cp -a "$source"/. /run/tree
    zpool export clutch
    ;;
  root)
    attach
    zpool create -o version=15 -m none -R /run/tree rpool /run/pool/clutch
    zfs create -o mountpoint=legacy rpool/ROOT
    zfs create -o mountpoint=/ -o canmount=noauto rpool/ROOT/first
    zfs mount rpool/ROOT/first
    echo system >/run/tree/SYSTEM.TXT
    zfs unmount rpool/ROOT/first
    zfs set mountpoint=/rpool rpool
    echo top >/run/tree/rpool/TOP.TXT
    zfs create -o mountpoint=/export rpool/export
    zfs create rpool/export/home
    echo home >/run/tree/export/home/HOME.TXT
    zpool export rpool
    ;;
  judge)
    # A pool that was made on a disk is imported from disks alone.
    [ "${3:-}" != disk ] || attach
    zpool import -d /run/pool -a -R /run/tree
    pool=$(zpool list -H -o name)
    zpool scrub $pool
    while zpool status $pool | grep -q 'scrub in progress'; do sleep 0.1; done
    zpool status -v $pool
    zfs list -H -o name,mountpoint,canmount -r $pool
    (cd /run/tree && find . -mindepth 1 | sort)
    zpool status $pool | grep -q ' state: ONLINE'
    zpool status $pool | grep -q 'scrub completed.* with 0 errors'
    zpool status $pool | grep -q 'errors: No known data errors'
    zpool export $pool
    ;;
esac
