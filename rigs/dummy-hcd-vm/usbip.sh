#!/bin/sh
# The drive of an emulated BMC, seen by a real kernel: `mediarig up --usbip` exports it, the guest's vhci-hcd imports it, and
# usb-storage makes a disk of it. Run in the guest, with the mediarig to use and what of it is elsewhere:
#
#     mediarig rig run dummy-hcd-vm -- sh rigs/dummy-hcd-vm/usbip.sh .build/release/mediarig
#
# Exit status: 0 the kernel's disk is the image; 1 not.
set -u
here=$(cd "$(dirname "$0")" && pwd)
mediarig=$1
failures=0
say() { echo "usbip.sh: $*"; }
fail() { say "FAILED: $*"; failures=$((failures + 1)); }
. "$here/bus.sh"
work=$(mktemp -d /tmp/usbip-XXXXXX)
modprobe vhci-hcd || exit 1

disk() { find /sys/devices/platform/vhci_hcd.0 -name 'sd?' -path '*/block/*' 2>/dev/null | head -1; }
has_disk() { found=$(disk); [ -n "$found" ] && [ "$(cat "$found/size")" -gt 0 ]; }
has_none() { [ -z "$(disk)" ]; }
listed() { usbip list -r 127.0.0.1 2>/dev/null | grep -q '1-1:'; }

head -c 8388608 /dev/urandom >"$work/disk.img"
MEDIARIG_PASSWORD=of-the-guest "$mediarig" up --usbip --state "$work/state" --json >"$work/up" &
bmc=$!
wait_for "the BMC" test -s "$work/up"
front=$(sed 's/.*"urls":\["\([^"]*\)".*/\1/' "$work/up")
listed && fail "a drive is listed before an image is in"
echo of-the-guest >"$work/password"
for turn in 1 2; do
    "$mediarig" attach "$work/disk.img" --bmc "$front" --cafile "$(sed 's/.*"authority":"\([^"]*\)".*/\1/' "$work/up")" \
        --password-file "$work/password" >"$work/attached" &
    client=$!
    wait_for "the drive is listed" listed
    usbip attach -r 127.0.0.1 -b 1-1 || fail "usbip attach"
    wait_for "the kernel's disk" has_disk
    device=/dev/$(basename "$(disk)")
    dd if="$device" of="$work/read.img" bs=1M iflag=direct 2>"$work/dd" || fail "reading $device"
    if cmp -s "$work/read.img" "$work/disk.img"; then say "ok: turn $turn, $device is the image, $(tail -1 "$work/dd")"; else
        fail "turn $turn: other bytes"
    fi
    kill $client
    wait $client
    wait_for "the drive is unplugged" has_none
    say "ok: turn $turn, ejected and unplugged"
done
kill $bmc
wait $bmc || fail "mediarig up ended with $?"
rm -rf "$work"
say "$failures failures"
[ $failures -eq 0 ]
