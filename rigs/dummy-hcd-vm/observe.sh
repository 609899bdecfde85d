#!/bin/sh
# In the guest of dummy-hcd-vm: real gadgets on dummy_hcd, looked at by `mediarig observe` over USB and as
# block devices. The first word is the mediarig to use; ends with 0 when every observation said what it had to.
set -eu
mediarig=$1
tree=/sys/kernel/config/usb_gadget/observe
work=/tmp/observe
mkdir -p $work
seq 1 2000000 | head -c 8388608 >$work/disk.img
seq 500000 900000 | head -c 2097152 >$work/disc.img
cp $work/disk.img $work/expected.img

failed=0
# expect STATUS WORDS…: runs `mediarig observe WORDS…`.
expect() {
    wanted=$1
    shift
    status=0
    $mediarig observe "$@" || status=$?
    if [ $status -eq "$wanted" ]; then echo "ok: observe $*"; else
        echo "FAILED: observe $* ended with $status, not $wanted"
        failed=1
    fi
}
# until_so COMMAND: waits for what the kernel does by itself; about a minute at most.
until_so() {
    tries=0
    while ! eval "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || { echo "FAILED: never: $1"; exit 1; }
        sleep 0.1
    done
}
# block_of N: the block device of the gadget's LUN N, once the kernel's driver has it; N is 0 or 1.
block_of() { ls -d /sys/bus/usb/drivers/usb-storage/*/host*/target*/*:0:0:"$1"/block/* 2>/dev/null | head -n 1 | sed 's|.*/|/dev/|'; }
has_block() {
    found=$(block_of "$1")
    [ -n "$found" ] && [ "$(cat "/sys/class/block/${found#/dev/}/size" 2>/dev/null || echo 0)" -gt 0 ]
}

mkdir $tree $tree/strings/0x409 $tree/configs/c.1 $tree/functions/mass_storage.0 $tree/functions/mass_storage.0/lun.1
echo 0x1d6b >$tree/idVendor
echo 0x0104 >$tree/idProduct
echo MediaRig >$tree/strings/0x409/manufacturer
echo Observed >$tree/strings/0x409/product
echo 0123456789AB >$tree/strings/0x409/serialnumber
echo $work/disk.img >$tree/functions/mass_storage.0/lun.0/file
echo 1 >$tree/functions/mass_storage.0/lun.1/cdrom
echo $work/disc.img >$tree/functions/mass_storage.0/lun.1/file
ln -s $tree/functions/mass_storage.0 $tree/configs/c.1/f
echo dummy_udc.0 >$tree/UDC
until_so 'has_block 0'
until_so 'has_block 1'

$mediarig observe --list
expect 0 --block "$(block_of 0)" --expect $work/expected.img
expect 1 --block "$(block_of 0)" --expect $work/disc.img
expect 0 --block "$(block_of 1)" --expect $work/disc.img
expect 0 --usb 1d6b:0104 --expect $work/expected.img
# The kernel's driver has it back.
until_so 'has_block 0'
expect 0 --usb 1d6b:0104:0123456789AB --lun 1 --expect $work/disc.img --json --junit $work/junit.xml
grep -q 'failures="0"' $work/junit.xml || failed=1
until_so 'has_block 1'
expect 1 --usb 1d6b:0104 --expect $work/disc.img
until_so 'has_block 0'
expect 0 --block "$(block_of 0)" --expect $work/expected.img

# Told to end in the middle, it gives the driver back too.
$mediarig observe --usb 1d6b:0104 --expect $work/expected.img --random-reads 100000 &
observer=$!
until_so '! has_block 0'
kill -TERM $observer
wait $observer || true
until_so 'has_block 0'
echo "ok: interrupted, and the driver has the device back"

# What is not there, and what comes last since it writes.
expect 6 --usb 1d6b:0104:FFFFFFFFFFFF --expect $work/expected.img
expect 6 --block /dev/none --expect $work/expected.img
expect 0 --usb 1d6b:0104 --expect $work/expected.img --read-write --seed 3
sync
cmp -s $work/disk.img $work/expected.img && { echo "FAILED: nothing was written"; failed=1; }
cp $work/disk.img $work/expected.img
until_so 'has_block 0'
expect 0 --block "$(block_of 0)" --expect $work/expected.img --read-write --seed 4

echo '' >$tree/UDC
exit $failed
