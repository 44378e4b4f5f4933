/**
 * What a Linux guest is told to run to put sets of disks together, and to take them apart: md(4), then LVM, and once more, as each may lie on the other.
 * They run in busybox's shell beside mdadm and lvm; each word that comes from outside is a parameter.
 */

/** Nothing answers to udev in a guest, no list of devices was made, and the tools that check thin pools are not there: such volumes are only read. */
const LVM_CONFIG = 'devices{use_devicesfile=0} activation{udev_sync=0 udev_rules=0} global{thin_check_executable="" cache_check_executable="" use_lvmpolld=0} backup{backup=0 archive=0}';

/** Arrays begin as they are, and write (their state, a resync) when something is written to them first (md(4), start_ro). */
const ASSEMBLE = `
[ -e /sys/module/md_mod ] && echo 1 >/sys/module/md_mod/parameters/start_ro
before=
for round in 1 2 3 4; do
  [ -x /usr/sbin/mdadm ] && mdadm --assemble --scan --run 2>&1 | sed 's/^/said /'
  [ -x /usr/sbin/lvm ] && lvm vgchange --activate y --sysinit --config "$config" 2>&1 | sed 's/^ */said /'
  after=$(ls /sys/block)
  [ "$before" = "$after" ] && break
  before=$after
done
for block in /sys/block/vd* /sys/block/md* /sys/block/dm-*; do
  [ -e "$block/size" ] || continue
  name=$(basename "$block")
  echo "block $name size=$(cat "$block/size")"
  [ -e "$block/serial" ] && echo "block $name serial=$(cat "$block/serial")"
  for each in "$block"/slaves/*; do [ -e "$each" ] && echo "block $name slave=$(basename "$each")"; done
  for each in "$block"/holders/*; do [ -e "$each" ] && echo "block $name holder=$(basename "$each")"; done
  [ -e "$block/dm/uuid" ] && echo "block $name uuid=$(cat "$block/dm/uuid")"
  for part in "$block/$name"p*; do [ -e "$part/size" ] && echo "block $name partition=$(basename "$part") $(cat "$part/size")"; done
  [ -e "$block/md" ] || continue
  for field in level raid_disks degraded array_state resync_start; do [ -e "$block/md/$field" ] && echo "md $name $field=$(cat "$block/md/$field")"; done
  mdadm --detail --export "/dev/$name" 2>/dev/null | sed "s/^/md $name /"
done
if [ -x /usr/sbin/lvm ]; then
  lvm pvs --config "$config" --readonly --noheadings --separator '|' -o pv_name,vg_uuid 2>/dev/null | sed 's/^ */pv /'
  lvm lvs --config "$config" --readonly --noheadings --separator '|' --units b --nosuffix -o vg_uuid,vg_name,lv_name,lv_uuid,lv_size,lv_layout,lv_role,vg_missing_pv_count 2>/dev/null | sed 's/^ */lv /'
fi
true`;

/** Arrays are marked clean, and nothing keeps what lies on the disks. */
const RELEASE = `
if [ -x /usr/sbin/lvm ]; then said=$(lvm vgchange --activate n --sysinit --config "$config" 2>&1) || echo "said $said"; fi
for round in 1 2 3; do
  for block in /sys/block/md*; do [ -e "$block/md" ] && mdadm --stop /dev/$(basename "$block") 2>&1 | sed 's/^/said /'; done
done
for block in /sys/block/md*; do
  [ -e "$block/md/array_state" ] || continue
  read -r state <"$block/md/array_state"
  [ "$state" = clear ] || exit 1
done
true`;

/** The bytes by which a filesystem is known: those at the front, and those at the end. $1: bytes / 64 KiB at the front, $2: at the end, then devices and how many 64 KiB they have. */
const PEEK = `
front=$1
end=$2
shift 2
while [ $# -gt 1 ]; do
  echo "peek $1"
  { dd "if=/dev/$1" bs=64k "count=$front"; dd "if=/dev/$1" bs=64k "skip=$2" "count=$end"; } 2>/dev/null | gzip -1 -c | base64
  shift 2
done`;

function shell(script: string, ...words: readonly string[]): readonly [string, readonly string[]] {
  return ['sh', ['-c', `config='${LVM_CONFIG}'\n${script}`, 'sh', ...words]];
}

/** Puts all sets together, and tells what came up. */
export const assembleScript = (): readonly [string, readonly string[]] => shell(ASSEMBLE);

/** Takes them apart. */
export const releaseScript = (): readonly [string, readonly string[]] => shell(RELEASE);

/** @param front pieces of 64 KiB at the front @param end at the end @param volumes names of block devices, with the piece at which the end begins */
export function peekScript(front: number, end: number, volumes: readonly (readonly [name: string, at: number])[]): readonly [string, readonly string[]] {
  return shell(PEEK, String(front), String(end), ...volumes.flatMap(([name, at]) => [name, String(at)]));
}
