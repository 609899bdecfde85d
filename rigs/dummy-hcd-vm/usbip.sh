#!/bin/bash
# The drive of an emulated BMC, seen by a real kernel: `mediarig up --usbip` exports it on this side, the vhci-hcd of the
# guest imports it over the network, and usb-storage makes a disk of it. Run here, not in the guest:
#
#     bash rigs/dummy-hcd-vm/usbip.sh .build/release/mediarig
#
# Exit status: 0 the kernel's disk is the image, and goes when it is ejected; 1 not; 6 no usbip.
set -u
here=$(cd "$(dirname "$0")" && pwd)
failures=0
say() { echo "usbip.sh: $*"; }
fail() { say "FAILED: $*"; failures=$((failures + 1)); }
. "$here/bus.sh"

inside() {
    image=$1 port=$2
    disk() { find /sys/devices/platform/vhci_hcd.0 -name 'sd?' -path '*/block/*' 2>/dev/null | head -1; }
    has_disk() { found=$(disk); [ -n "$found" ] && [ "$(cat "$found/size")" -gt 0 ]; }
    has_none() { [ -z "$(disk)" ]; }
    modprobe vhci-hcd || exit 1
    usbip -t "$port" attach -r 10.0.2.2 -b 1-1 || fail "usbip attach"
    wait_for "the kernel's disk" has_disk
    device=/dev/$(basename "$(disk)")
    dd if="$device" of=/tmp/read.img bs=1M iflag=direct 2>/tmp/dd || fail "reading $device"
    cmp -s /tmp/read.img "$image" || fail "other bytes"
    say "$device is the image: $(tail -1 /tmp/dd)"
    wait_for "the unplugging" has_none
    say "$device has gone"
    exit $failures
}
if [ "$1" = --inside ]; then shift; inside "$@"; fi

mediarig=$1
command -v usbip >/dev/null || { say "needs usbip"; exit 6; }
work=$(mktemp -d /tmp/usbip-XXXXXX)
chmod 755 "$work"
head -c 8388608 /dev/urandom >"$work/disk.img"
MEDIARIG_PASSWORD=of-the-rig "$mediarig" up --usbip=127.0.0.1:0 --state "$work/state" --json >"$work/up" &
bmc=$!
wait_for "the BMC" test -s "$work/up"
# field NAME: of the line that the BMC printed.
field() { python3 -c 'import json, sys; found = json.load(open(sys.argv[1]))[sys.argv[2]]; print(found[0] if isinstance(found, list) else found)' "$work/up" "$1"; }
port=$(field usbip); port=${port##*:}
listed() { usbip -t "$port" list -r 127.0.0.1 2>/dev/null | grep -q '1-1:'; }
listed && fail "a drive is listed before an image is in"
echo of-the-rig >"$work/password"
"$mediarig" attach "$work/disk.img" --bmc "$(field urls)" --cafile "$(field authority)" --password-file "$work/password" \
    >"$work/attached" &
client=$!
wait_for "the drive is listed" listed
# Once the guest has read it, the image is ejected.
"${MEDIARIG:-$mediarig}" rig run dummy-hcd-vm --network open --deadline 120 -- \
    bash "$here/usbip.sh" --inside "$work/disk.img" "$port" | while read -r line; do
    echo "$line"
    case $line in *"is the image"*) kill $client ;; esac
done
status=${PIPESTATUS[0]}
[ "$status" = 0 ] || fail "the guest ended with $status"
wait $client
listed && fail "the drive is listed after the eject"
kill $bmc
wait $bmc || fail "mediarig up ended with $?"
rm -rf "$work"
say "$failures failures"
[ $failures -eq 0 ]
