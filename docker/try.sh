#!/bin/bash
# Tries docker/Dockerfile where there is no Docker: carries out its steps in systems made by debootstrap, then its entry point as a container
# would: as its user, with a read-only root, a tmpfs on /tmp, no network, no /dev/kvm.
#   docker/try.sh FOLDER                  makes the systems FOLDER/base, FOLDER/build and FOLDER/final (about 2 GB). Carries on where it stopped
#   docker/try.sh FOLDER IMAGE [WORD...]  the entry point with an image: its tar goes to standard output
# npm's registry and certificates are those of this computer.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?"usage: docker/try.sh FOLDER [IMAGE [WORD...]]"}
shift
recipe=$here/docker/Dockerfile

fail() { echo "try.sh: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'skipped: chroot and debootstrap need root'
command -v debootstrap >/dev/null || fail 'skipped: debootstrap is missing (Debian package debootstrap)'
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# The recipe's instructions, a line each, without comments.
instructions() { sed -e '/^#/d' -e '/^$/d' "$recipe" | sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}'; }

environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
user=0:0
entry=

if [ $# -gt 0 ]; then
  [ -e "$folder/final.done" ] || fail "first: docker/try.sh $folder"
  while read -r word rest; do
    case $word in
      FROM) environment=("${environment[0]}") user=0:0 ;;
      ENV) read -ra more <<<"$rest"; environment+=("${more[@]}") ;;
      USER) user=$rest ;;
      ENTRYPOINT) entry=$rest ;;
    esac
  done < <(instructions)
  image=$(realpath "$1"); shift
  mapfile -t command < <(tr -d '[]"' <<<"$entry" | sed 's/, */\n/g')
  mkdir -p "$folder/final/images"
  # In namespaces of its own: what is mounted ends with it, and there is no network.
  exec unshare --mount --net --ipc --pid --fork --kill-child bash -euc '
    root=$1 images=$2 user=$3; shift 3
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs "$root/tmp"
    mount --bind "$images" "$root/images"
    mount -o remount,bind,ro "$root/images"
    mount -o remount,bind,ro "$root"
    [ ! -e "$root/dev/kvm" ]
    cd "$root"
    exec chroot --userspec="$user" "$root" env -i "$@"
  ' try "$folder/final" "$(dirname "$image")" "$user" "${environment[@]}" "${command[@]}" "/images/$(basename "$image")" "$@"
fi

# A network's own certificates and registry, in ways that npm and Node know; none of it stays in what the recipe makes.
network=()
for name in CLUTCH_DEBIAN_MIRROR CLUTCH_DEBIAN_SECURITY_MIRROR; do [ -z "${!name:-}" ] || network+=("$name=${!name}"); done
if command -v npm >/dev/null; then
  network+=("npm_config_registry=$(cd / && npm config get registry)")
  certificates=$(cd / && npm config get cafile)
  [ -f "$certificates" ] || certificates=${NODE_EXTRA_CA_CERTS:-}
  [ ! -f "$certificates" ] || network+=(NODE_EXTRA_CA_CERTS=/run/certificates.pem npm_config_cafile=/run/certificates.pem)
fi

run() { # SYSTEM WORKDIR COMMAND
  cp /etc/resolv.conf "$folder/$1/etc/resolv.conf"
  [ ! -f "${certificates:-}" ] || cp "$certificates" "$folder/$1/run/certificates.pem"
  unshare --mount --pid --fork --kill-child bash -euc 'mount -t proc proc "$1/proc"; exec chroot "$1" "${@:3}" ' try "$folder/$1" "$2" \
    env -i "${environment[@]}" "${network[@]}" DEBIAN_FRONTEND=noninteractive sh -ec "cd $2; $3"
  rm -f "$folder/$1/run/certificates.pem"
}

if [ ! -e "$folder/base.done" ]; then
  debootstrap --variant=minbase "$(sed -n 's/^FROM debian:\([a-z]*\).*/\1/p' "$recipe" | head -1)" "$folder/base" "${CLUTCH_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >&2
  touch "$folder/base.done"
fi

stage=
anew=no
steps=()
work=/
while read -r word rest <&3; do
  if [ "$word" = FROM ]; then
    environment=("${environment[0]}")
    work=/
    case $rest in *' AS '*) stage=${rest##* AS } ;; *) stage=final ;; esac
    # As Docker does: what was carried out before stands, up to the first instruction that is another.
    steps=()
    [ ! -f "$folder/$stage.steps" ] || mapfile -t steps <"$folder/$stage.steps"
    : >"$folder/$stage.steps"
    rm -f "$folder/$stage.done"
    [ ${#steps[@]} -gt 0 ] || { rm -rf "${folder:?}/$stage"; cp -a "$folder/base" "$folder/$stage"; }
    continue
  fi
  case $word in
    ENV) read -ra more <<<"$rest"; environment+=("${more[@]}") ;;
    WORKDIR) work=$rest ;;
  esac
  # What another stage made anew is copied anew.
  case "$anew $rest" in 'yes --from='*) steps=() ;; esac
  if [ "$word $rest" = "${steps[0]:-}" ]; then
    steps=("${steps[@]:1}")
    echo "$word $rest" >>"$folder/$stage.steps"
    continue
  fi
  steps=()
  anew=yes
  echo "$stage: $word $rest" >&2
  case $word in
    WORKDIR) mkdir -p "$folder/$stage$work" ;;
    RUN) run "$stage" "$work" "$rest" >&2 ;;
    COPY)
      from=$here
      read -ra names <<<"$rest"
      case ${names[0]} in --from=*) from=$folder/${names[0]#--from=}; names=("${names[@]:1}") ;; esac
      to=${names[-1]}
      case $to in /*) to=$folder/$stage$to ;; *) to=$folder/$stage$work/$to ;; esac
      for name in "${names[@]:0:${#names[@]}-1}"; do
        # A folder's contents, a file into a folder: as COPY does it.
        if [ -d "$from/$name" ]; then mkdir -p "$to"; cp -a --no-preserve=ownership "$from/$name/." "$to/"
        else mkdir -p "$to"; cp --preserve=mode "$from/$name" "$to/"; fi
      done ;;
    ENV | ARG | USER | ENTRYPOINT) ;;
    *) fail "$word is not known here" ;;
  esac
  echo "$word $rest" >>"$folder/$stage.steps"
done 3< <(instructions)
touch "$folder/$stage.done"
du -sh "$folder/$stage" >&2
