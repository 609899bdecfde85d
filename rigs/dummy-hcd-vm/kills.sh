#!/bin/sh
# The service is killed after each change of configfs in turn: 1, 2, 3 and so on, through building a gadget and taking it
# down again. Each time the next start must clear away what is left, and what is inserted next must get further. Then it is
# killed after each change of the clearing away itself. Run in the guest, with the folder of the built programs
# (mortal-mediad, virtual-mediad):
#
#     mediarig rig run dummy-hcd-vm -- sh rigs/dummy-hcd-vm/kills.sh .build/release
#
# Exit status: 0 nothing was ever left; 1 something was.
set -u
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
. "$here/bus.sh"
work=$(mktemp -d /tmp/kills-XXXXXX)
cd "$work" || exit 1
failures=0
name=xyz.openbmc_project.VirtualMedia
slot=/xyz/openbmc_project/VirtualMedia/Legacy/Slot_1
# More changes than any life has.
limit=80

say() { echo "kills.sh: $*"; }
fail() { say "FAILED: $*"; failures=$((failures + 1)); }
call() { busctl --system call "$name" $slot "$name.Legacy" "$@" >/dev/null 2>&1; }
logged() { grep -q -- "$1" log; }
is_clean() { [ -z "$(ls /sys/kernel/config/usb_gadget)" ] && ! ls -d /sys/block/nbd*/pid >/dev/null 2>&1; }
is_dead() { ! kill -0 $daemon 2>/dev/null; }
dead_or() { is_dead || logged "$1"; }
start() {
    : >log
    "$programs/$@" --config media.json --allow-local-files 2>>log &
    daemon=$!
}

cat >media.json <<X
{"InactivityTimeout": 0, "MountPoints": {
 "Slot_1": {"EndpointId": "", "Mode": 1, "NBDDevice": "nbd1", "UnixSocket": "", "Timeout": 30}}}
X
head -c 1048576 /dev/urandom >disk.img
start_bus "$work"

death=0
while [ $death -lt $limit ]; do
    death=$((death + 1))
    start mortal-mediad --at $death
    wait_for "start $death" dead_or serving
    is_clean || fail "start $death left $(ls /sys/kernel/config/usb_gadget) $(ls -d /sys/block/nbd*/pid 2>/dev/null)"
    call Mount s "file://$work/disk.img"
    wait_for "the mount of start $death" dead_or "Slot_1: mount completed"
    if ! is_dead; then
        logged "Slot_1: mount completed with 0" || fail "the mount of start $death: $(tail -1 log)"
        call Unmount
        wait_for "the unmount of start $death" dead_or "unmount completed"
    fi
    if ! is_dead; then
        logged "unmount completed with 0" || fail "the unmount of start $death: $(tail -1 log)"
        break
    fi
    wait $daemon
    [ $? = 137 ] || fail "start $death did not end by SIGKILL"
    say "$(grep -o 'dies after.*' log)"
done
changes=$((death - 1))
[ $changes -ge 20 ] && [ $death -lt $limit ] || fail "$changes changes of configfs in a life"
kill -9 $daemon; wait $daemon 2>/dev/null
say "$changes deaths while building and taking down"

# A whole gadget is left, and each start clears one thing away before it dies.
start virtual-mediad
wait_for "the service" logged serving
call Mount s "file://$work/disk.img"
wait_for "the mount" logged "Slot_1: mount completed with 0"
kill -9 $daemon; wait $daemon 2>/dev/null
cleared=0
while [ $cleared -lt $limit ]; do
    start mortal-mediad --at 1 --counting start
    wait_for "a start" dead_or serving
    is_dead || break
    wait $daemon 2>/dev/null
    cleared=$((cleared + 1))
    say "$(grep -o 'dies after.*' log)"
done
is_clean || fail "left after $cleared deaths of clearing away"
[ $cleared -ge 5 ] || fail "only $cleared deaths while clearing away"
kill -9 $daemon; wait $daemon 2>/dev/null
say "$cleared deaths while clearing away"

start virtual-mediad
wait_for "the service" logged serving
call Mount s "file://$work/disk.img"
wait_for "the mount" logged "Slot_1: mount completed with 0"
disk=
for try in $(seq 100); do
    disk=$(find /sys/devices/platform/dummy_hcd.0 -name 'sd?' -path '*/block/*' 2>/dev/null | head -1)
    [ -n "$disk" ] && [ "$(cat "$disk/size")" -gt 0 ] && break
    sleep 0.1
done
cmp -s "/dev/${disk##*/}" disk.img || fail "the host does not read the image at last"
kill $daemon
wait $daemon || fail "the service ended with $?"
is_clean || fail "something is left at last"
kill $bus
cd / && rm -rf "$work"
say "$failures failures"
[ $failures -eq 0 ]
