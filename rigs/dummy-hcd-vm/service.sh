#!/bin/sh
# The real service on the kernel of this rig, as a BMC runs it: mounts, reads, writes, a server that is killed and
# comes back, SIGKILL at some moments, SIGTERM. Run in the guest, with the folder of the built programs:
#
#     mediarig rig run dummy-hcd-vm -- sh rigs/dummy-hcd-vm/service.sh .build/release
#
# Exit status: 0 all as it must be; 1 not; what was found is on standard output.
set -u
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
work=$(mktemp -d /tmp/service-XXXXXX)
cd "$work" || exit 1
failures=0
name=xyz.openbmc_project.VirtualMedia
root=/xyz/openbmc_project/VirtualMedia

say() { echo "service.sh: $*"; }
fail() { say "FAILED: $*"; failures=$((failures + 1)); }
. "$here/bus.sh"
must() { what=$1; shift; if "$@"; then say "ok: $what"; else fail "$what"; fi; }

logged() { [ "$(grep -c -- "$1" log)" -ge "${2:-1}" ]; }
mount_image() { busctl --system call "$name" "$root/Legacy/Slot_1" "$name.Legacy" Mount s "file://$work/$1" >/dev/null; }
unmount() { busctl --system call "$name" "$root/$1" "$name.${1%%/*}" Unmount >/dev/null; }
disk() { ls -d /sys/block/sd* 2>/dev/null | head -1 | sed 's|/sys/block/|/dev/|'; }
has_disk() { d=$(disk); [ -n "$d" ] && [ "$(cat "/sys/block/${d#/dev/}/size")" -gt 0 ]; }
is_clean() { [ -z "$(ls /sys/kernel/config/usb_gadget)" ] && ! ls -d /sys/block/nbd*/pid >/dev/null 2>&1; }
start() {
    : >log
    "$programs/virtual-mediad" --config media.json --allow-local-files --log-level debug 2>>log &
    daemon=$!
    wait_for "the service" logged serving
}
same() { dd if="$(disk)" of=read.img bs=64k iflag=direct 2>/dev/null; cmp -s read.img "$1"; }

cat >media.json <<X
{"InactivityTimeout": 0, "MountPoints": {
 "Slot_0": {"EndpointId": "/nbd/0", "Mode": 0, "NBDDevice": "nbd0", "UnixSocket": "$work/nbd0.sock", "Timeout": 30},
 "Slot_1": {"EndpointId": "", "Mode": 1, "NBDDevice": "nbd1", "UnixSocket": "", "Timeout": 30}}}
X
head -c 4194304 /dev/urandom >disk.img
cp disk.img writable.img
start_bus "$work"

say "an image of this machine"
start
mount_image disk.img
wait_for "the mount" logged "Slot_1: mount completed with 0"
wait_for "the disk" has_disk
must "the host reads the image" same disk.img
unmount Legacy/Slot_1
wait_for "the unmount" logged "Slot_1: unmount completed with 0"
must "nothing is left" is_clean

say "what the host writes"
busctl --system call -- "$name" "$root/Legacy/Slot_1" "$name.Legacy" Mount sbv "file://$work/writable.img" true i -1 >/dev/null
wait_for "the mount" logged "Slot_1: mount completed with 0" 2
wait_for "the disk" has_disk
head -c 262144 /dev/urandom >new
dd if=new of="$(disk)" bs=64k seek=4 conv=notrunc,fsync 2>/dev/null || fail "the host cannot write"
unmount Legacy/Slot_1
wait_for "the unmount" logged "Slot_1: unmount completed with 0" 2
dd if=writable.img bs=64k skip=4 count=4 2>/dev/null >found
must "it is in the image" cmp -s new found

say "a client's server that dies under the host's reads, and comes back"
"$programs/mediarig" serve disk.img --unix nbd0.sock >served &
server=$!
wait_for "the server" test -S nbd0.sock
busctl --system call "$name" "$root/Proxy/Slot_0" "$name.Proxy" Mount >/dev/null
wait_for "the mount" logged "Slot_0: mount completed with 0"
wait_for "the disk" has_disk
(dd if="$(disk)" of=read.img bs=4k iflag=direct 2>/dev/null; echo $? >read.status) &
reader=$!
sleep 0.2
kill -9 $server; wait $server 2>/dev/null; rm -f nbd0.sock
wait_for "the loss is noticed" logged "source lost"
"$programs/mediarig" serve disk.img --unix nbd0.sock >served &
server=$!
wait $reader
must "the host saw no error" test "$(cat read.status)" = 0
must "and the right bytes" cmp -s read.img disk.img
unmount Proxy/Slot_0
wait_for "the unmount" logged "Slot_0: unmount completed with 0"
kill $server; wait $server 2>/dev/null
must "nothing is left" is_clean

say "SIGKILL at some moments; kills.sh has every change of configfs"
for moment in 0.05 0.25 0.60; do
    mount_image disk.img 2>/dev/null &
    caller=$!
    sleep $moment
    kill -9 $daemon; wait $daemon $caller 2>/dev/null
    start
    must "the next start cleans up after $moment s" is_clean
done

say "SIGTERM with a medium in"
mount_image disk.img
wait_for "the mount" logged "Slot_1: mount completed with 0"
kill $daemon
wait $daemon
must "it ends with 0" test $? = 0
must "nothing is left" is_clean
kill $bus
cd / && rm -rf "$work"
say "$failures failures"
[ $failures -eq 0 ]
