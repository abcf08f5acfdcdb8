#!/bin/sh
# Installs or upgrades mien from this folder, without internet: sudo sh install.sh [--no-service]
#
# Each version has an environment of its own below /opt/mien/versions; /opt/mien/current is switched to it, in one step,
# once it is whole and reads a picture. Whatever fails before that leaves what ran before as it was.
set -eu
umask 022 # whatever root's is: the service is another user

prefix=/opt/mien
settings=/etc/mien/mien.toml
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
service=yes
new=
changed=no

say() { printf 'mien: %s\n' "$*"; }
fail() { printf 'mien: %s\n' "$*" >&2; exit 1; }

for argument in "$@"; do
  case $argument in
    --no-service) service=no ;;
    *) fail "unknown option $argument; there is --no-service" ;;
  esac
done

leave() {
  status=$?
  if [ -n "$new" ] && [ ! -e "$new/.whole" ]; then rm -rf "$new"; fi
  if [ -n "$new" ] && [ "$changed" = no ] && [ "$status" != 0 ]; then printf 'mien: nothing was changed\n' >&2; fi
  exit "$status"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

# Turns the link current or previous to an environment below $prefix, in one step.
turn() {
  ln -sfn "$2" "$prefix/$1.new"
  mv -T "$prefix/$1.new" "$prefix/$1"
}

start() {
  # Units that are there may have been opened for a sink or the page: they stay as they are.
  unit=/etc/systemd/system/mien.service
  if [ ! -e "$unit" ]; then
    "$prefix/current/bin/mien" service install --program "$prefix/current/bin/mien"
    return
  fi
  # One that was bound to a version would go on with that, and end with it.
  if grep -q "^ExecStart=$prefix/versions/" "$unit"; then
    sed -i "s|^ExecStart=$prefix/versions/[^/]*/|ExecStart=$prefix/current/|" "$unit"
    systemctl daemon-reload
  fi
  trap '' INT TERM HUP # a terminal that is closed between the two would leave it stopped
  systemctl stop mien.service
  stopped=$(systemctl show --property=ExecMainPID --value mien.service)
  systemctl reset-failed mien.service 2>/dev/null || true
  systemctl start --no-block mien.service
  trap 'exit 130' INT TERM HUP
  # It may wait long for its camera, which is no reason to go back; one that has given up is.
  ended=0
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    case $(systemctl is-active mien.service) in
      active) return 0 ;;
      failed) return 1 ;;
    esac
    # Status 3 is a camera, a file or memory that is not there yet. With any other it would be started again for ever.
    if [ "$(systemctl show --property=ExecMainPID --value mien.service)" != "$stopped" ]; then
      status=$(systemctl show --property=ExecMainStatus --value mien.service)
      case $status in "" | 0 | 3) ;; *) ended=$status ;; esac
    fi
    sleep 1
  done
  [ "$ended" = 0 ] || return 1
  [ "$(systemctl is-active mien.service)" != inactive ] # or systemd has refused to start it
}

. "$here/target"
[ "$(id -u)" = 0 ] || fail "needs root: sudo sh $0"
[ "$(uname -m)" = aarch64 ] || fail "this bundle is for 64-bit Raspberry Pi OS (aarch64), not $(uname -m)"
python=$(command -v "python$PYTHON") || fail "no python$PYTHON here; this bundle is for Raspberry Pi OS $SUITE"
(cd "$here" && sha256sum --check --quiet --strict SHA256SUMS) || fail "this bundle is damaged; copy it again"

version=$(sha256sum "$here/SHA256SUMS" | cut -c 1-12)
before=$(readlink "$prefix/current" || true)
earlier=$(readlink "$prefix/previous" || true)

if [ "$before" = "versions/$version" ] && "$prefix/current/bin/mien" models >/dev/null; then
  say "this version is installed already"
else
  new="$prefix/versions/$version"
  # One that is there and whole, such as that of before, is gone back to, and stays if it cannot be.
  if [ ! -e "$new/.whole" ] || ! "$new/bin/mien" models >/dev/null 2>&1; then
    [ ! -e "$new/.whole" ] || changed=yes
    rm -rf "$new"
    mkdir -p "$prefix/versions"
    # The system's packages stay visible, for its libcamera and picamera2. Debian's pip may be absent: ours comes along.
    "$python" -m venv --system-site-packages --without-pip "$new"
    # What the sums are of, and no other file that lies beside.
    wheels=$(sed -n 's|^[0-9a-f]*  \(wheels/[^ ]*\.whl\)$|\1|p' "$here/SHA256SUMS")
    for pip in "$here"/tools/pip-*.whl; do
      # shellcheck disable=SC2086 # one word a wheel
      (cd "$here" && "$new/bin/python" "$pip/pip" --quiet install --no-index --no-deps --ignore-installed \
        --no-warn-script-location --disable-pip-version-check --no-cache-dir $wheels)
    done
  fi
  # What the bundle may not bring, and was added by hand for the GPIO lines.
  for added in "$prefix/current/lib/python$PYTHON/site-packages"/gpiod*; do
    [ ! -e "$added" ] || cp -r "$added" "$new/lib/python$PYTHON/site-packages/"
  done
  "$new/bin/mien" models >/dev/null || fail "its models are damaged"
  "$new/bin/python" -c 'import numpy; from mien import FaceReader; FaceReader().read(numpy.zeros((480, 640), "uint8"))' ||
    fail "it cannot read a picture on this system"
  [ ! -e "$settings" ] || "$new/bin/mien" config check "$settings" >/dev/null ||
    fail "$settings does not suit this version; mend it first, then install again"
  sync # a power cut must not leave current turned to files whose contents were not written yet
  : >"$new/.whole"
  # The version before stays, to go back to: ln -sfn versions/ID /opt/mien/current, then systemctl restart mien. Noted
  # first, for what ends this script from here on may be followed by another run, which no longer knows which it is.
  [ -z "$before" ] || [ "$before" = "versions/$version" ] || turn previous "$before"
  changed=yes
  turn current "versions/$version"
  say "switched to $version"
fi

mkdir -p /usr/local/bin
ln -sfn "$prefix/current/bin/mien" /usr/local/bin/mien

if [ "$service" = yes ] && [ -d /run/systemd/system ] && ! start; then
  if [ -n "$before" ] && [ "$before" != "versions/$version" ]; then
    turn current "$before"
    if [ -n "$earlier" ]; then turn previous "$earlier"; else rm -f "$prefix/previous"; fi
    start || true
    fail "the service did not start, see journalctl -u mien; switched back to $before"
  fi
  fail "the service did not start; see journalctl -u mien"
fi

previous=$(readlink "$prefix/previous" || true)
for old in "$prefix"/versions/*; do
  case "versions/${old##*/}" in
    "versions/$version" | "$previous") ;;
    *) [ -z "$previous" ] || rm -rf "$old" ;;
  esac
done
say "installed; look at it: mien doctor"
