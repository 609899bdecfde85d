#!/bin/sh
# How fast a host reads through the service (our NBD server, attached by netlink) and through nbdkit and nbd-client, each
# behind a gadget of its own on this rig's kernel. Both are up all the time and read in turn; a pair of readings gives a
# ratio, and the median of the ratios counts. Then: how long the host waits when a server dies and comes back.
#
#     mediarig rig run dummy-hcd-vm -- sh rigs/dummy-hcd-vm/compare.sh .build/release [ROUNDS [MIB]]
#
# Exit status: 0 measured, 1 something did not work. Figures of a build without optimisation mean nothing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
rounds=${2:-5}
mebibytes=${3:-48}
connections=${CONNECTIONS:-1}
. "$here/bus.sh"
work=$(mktemp -d /tmp/compare-XXXXXX)
name=xyz.openbmc_project.VirtualMedia
root=/xyz/openbmc_project/VirtualMedia
tree=/sys/kernel/config/usb_gadget/peer

say() { echo "compare.sh: $*"; }
fail() { say "FAILED: $*"; exit 1; }
for program in nbdkit nbd-client fio dbus-daemon busctl; do
    command -v $program >/dev/null || fail "needs $program"
done
cd "$work" || exit 1

logged() { [ "$(grep -c -- "$1" log)" -ge "${2:-1}" ]; }
# disk_of N: the disk on the host's side of controller N, once the kernel's driver has it.
disk_of() {
    found=$(find "/sys/devices/platform/dummy_hcd.$1" -name 'sd?' -path '*/block/*' 2>/dev/null | head -1)
    [ -n "$found" ] && [ "$(cat "$found/size")" -gt 0 ] && echo "/dev/${found##*/}"
}
now() { date +%s%N; }
busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

start_ours() {
    cat >media.json <<X
{"InactivityTimeout": 0, "MountPoints": {
 "Slot_0": {"EndpointId": "/nbd/0", "Mode": 0, "NBDDevice": "nbd0", "UnixSocket": "$work/nbd0.sock", "Timeout": 30},
 "Slot_1": {"EndpointId": "", "Mode": 1, "NBDDevice": "nbd1", "UnixSocket": "", "Timeout": 30, "Connections": $connections}}}
X
    : >log
    "$programs/virtual-mediad" --config media.json --allow-local-files 2>>log &
    daemon=$!
    wait_for "the service" logged serving
}
mount_ours() { busctl --system call "$name" "$root/Legacy/Slot_1" "$name.Legacy" Mount s "file://$work/disk.img" >/dev/null; }

start_peer() {
    nbdkit --foreground --readonly --unix "$work/peer.sock" file "$work/disk.img" 2>nbdkit.log &
    server=$!
    wait_for "nbdkit" test -S "$work/peer.sock"
    nbd-client -unix "$work/peer.sock" /dev/nbd8 -readonly -timeout 20 -connections "$connections" >client.log 2>&1 ||
        fail "nbd-client: $(cat client.log)"
    lun=$tree/functions/mass_storage.0/lun.0
    mkdir $tree $tree/strings/0x409 $tree/configs/c.1 $tree/functions/mass_storage.0
    echo 0x1d6b >$tree/idVendor
    echo 0x0104 >$tree/idProduct
    echo 0123456789AB >$tree/strings/0x409/serialnumber
    echo 1 >$lun/ro
    echo /dev/nbd8 >$lun/file
    ln -s $tree/functions/mass_storage.0 $tree/configs/c.1/f
    echo dummy_udc.1 >$tree/UDC
}
stop_peer() {
    echo '' >$tree/UDC
    rm $tree/configs/c.1/f
    rmdir $tree/functions/mass_storage.0 $tree/configs/c.1 $tree/strings/0x409 $tree
    nbd-client -d /dev/nbd8 >/dev/null 2>&1
    kill -9 $server
    wait $server 2>/dev/null
    rm -f "$work/peer.sock"
}

# measure PATH NBD FLAGS: reads all of it once, with nothing of it in the cache; prints MB/s and busy ms of the processor.
measure() {
    blockdev --flushbufs "$2"
    blockdev --flushbufs "$1"
    from=$(now); worked=$(busy)
    dd if="$1" of=/dev/null bs=1M $3 2>/dev/null || fail "reading $1"
    to=$(now); worked=$(($(busy) - worked))
    awk -v n=$((to - from)) -v b=$((mebibytes << 20)) -v w=$worked 'BEGIN { printf "%.2f %d", b * 1000 / n, w * 10 }'
}

# compare WORK OURS OUR_NBD PEERS PEER_NBD FLAGS
compare() {
    work_name=$1
    cmp -s "$2" disk.img && cmp -s "$4" disk.img || fail "$1: other bytes"
    : >pairs
    for round in $(seq 0 "$rounds"); do
        if [ $((round % 2)) = 0 ]; then
            ours=$(measure "$2" "$3" "$6"); peers=$(measure "$4" "$5" "$6")
        else
            peers=$(measure "$4" "$5" "$6"); ours=$(measure "$2" "$3" "$6")
        fi
        # Round 0 warms up.
        [ "$round" = 0 ] || echo "$ours $peers" >>pairs
    done
    awk -v name="$work_name" '
        function median(values, count,    i, j, swap) {
            for (i = 2; i <= count; i++) for (j = i; j > 1 && values[j - 1] > values[j]; j--) {
                swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap
            }
            return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
        }
        { ours[NR] = $1; peers[NR] = $3; ratio[NR] = $1 / $3; ourwork[NR] = $2; peerwork[NR] = $4; list = list sprintf(" %.2f", $1 / $3) }
        END {
            printf "%-34s %7.1f %7.1f MB/s  ratio %.2f  busy %5d %5d ms  of%s\n", name, median(ours, NR), median(peers, NR),
                median(ratio, NR), median(ourwork, NR), median(peerwork, NR), list
        }' pairs | tee -a table
}

head -c $((mebibytes << 20)) /dev/urandom >disk.img
start_bus "$work"
start_ours
say "$(uname -r), $rounds rounds of $mebibytes MiB, $connections connection(s); ours, nbdkit and nbd-client"
mounts=0
for speed in high super; do
    rmmod dummy_hcd
    modprobe dummy_hcd num=2 is_super_speed=$([ $speed = super ] && echo 1 || echo 0)
    mount_ours
    mounts=$((mounts + 1))
    wait_for "our mount" logged "Slot_1: mount completed with 0" $mounts
    wait_for "our disk" disk_of 0
    start_peer
    wait_for "the peer's disk" disk_of 1
    if [ $speed = high ]; then
        for queue in /sys/block/nbd1/queue /sys/block/nbd8/queue; do
            say "$queue: $(cd $queue && grep . read_ahead_kb max_sectors_kb logical_block_size | tr '\n' ' ')"
        done
        compare "/dev/nbdX past the cache" /dev/nbd1 /dev/nbd1 /dev/nbd8 /dev/nbd8 iflag=direct
        compare "/dev/nbdX through the cache" /dev/nbd1 /dev/nbd1 /dev/nbd8 /dev/nbd8 ""
    fi
    compare "gadget, $speed speed" "$(disk_of 0)" /dev/nbd1 "$(disk_of 1)" /dev/nbd8 iflag=direct
    # How much of it is the queue: the peer's device with the settings that the service gives its own.
    for setting in max_sectors_kb read_ahead_kb; do cat /sys/block/nbd1/queue/$setting >/sys/block/nbd8/queue/$setting; done
    compare "  and a peer with our queue" "$(disk_of 0)" /dev/nbd1 "$(disk_of 1)" /dev/nbd8 iflag=direct
    # How much of it is the gadget: nothing can be faster than a file in memory.
    echo '' >$tree/functions/mass_storage.0/lun.0/file
    echo "$work/disk.img" >$tree/functions/mass_storage.0/lun.0/file
    compare "  and a file in memory" "$(disk_of 0)" /dev/nbd1 "$(disk_of 1)" /dev/nbd8 iflag=direct
    stop_peer
    busctl --system call "$name" "$root/Legacy/Slot_1" "$name.Legacy" Unmount >/dev/null
    wait_for "our unmount" logged "Slot_1: unmount completed with 0" $mounts
done

# gap ABSENCE: kills the server under the host's reads, for so many seconds; prints how long one read took at most.
gap() {
    rm -f fio.out
    # What the page cache has needs no server.
    while blockdev --flushbufs /dev/nbd0; do sleep 0.02; done 2>/dev/null &
    dropper=$!
    fio --name=gap --filename="$(disk_of 0)" --direct=1 --rw=randread --bs=4k --time_based --runtime=$(($1 + 5)) \
        --output-format=terse --terse-version=3 --readonly >fio.out 2>fio.err &
    reader=$!
    sleep 1
    from=$(now)
    kill -9 $client; wait $client 2>/dev/null; rm -f nbd0.sock
    sleep "$1"
    serve
    wait_for "the service" test -S nbd0.sock
    to=$(now)
    wait $reader || fail "the host saw an error: $(cat fio.err)"
    kill $dropper; wait $dropper 2>/dev/null
    # fio(1), "Terse output": the longest completion latency of reads, in microseconds, is the 15th field.
    awk -F';' -v away=$((to - from)) '{ printf "server away %d ms, longest read of the host %d ms\n", away / 1e6, $15 / 1000 }' fio.out
}
serve() { nbdkit --foreground --readonly --unix "$work/nbd0.sock" file "$work/disk.img" 2>>nbdkit.log & client=$!; }
serve
wait_for "the server" test -S nbd0.sock
busctl --system call "$name" "$root/Proxy/Slot_0" "$name.Proxy" Mount >/dev/null
wait_for "the mount" logged "Slot_0: mount completed with 0"
wait_for "the disk" disk_of 0
for absence in 0 0 0 3; do gap $absence; done

kill $daemon
wait $daemon
kill $client $bus
cd / && rm -rf "$work"
