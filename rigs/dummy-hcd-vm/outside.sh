#!/bin/bash
# An image server outside the virtual machine: nginx with a certificate of its own, reached by HTTPS over the guest's network
# at 10.0.2.2; inside, the service on a dbus-daemon's system bus, and the host. Run here, not in the guest, with the folder of
# the built programs:
#
#     sh rigs/dummy-hcd-vm/outside.sh .build/release
#
# Exit status: 0 all as it must be; 1 not; 6 nginx or openssl is missing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
say() { echo "outside.sh: $*"; }
failures=0
fail() { say "FAILED: $*"; failures=$((failures + 1)); }

inside() {
    programs=$1 work=$2 port=$3
    . "$here/bus.sh"
    cd "$(mktemp -d /tmp/outside-inside-XXXXXX)" || exit 1
    name=xyz.openbmc_project.VirtualMedia
    slot=/xyz/openbmc_project/VirtualMedia/Legacy/Slot_1
    logged() { [ "$(grep -c -- "$1" log)" -ge "${2:-1}" ]; }
    call() { busctl --system call -- "$name" $slot "$name.Legacy" "$@" >/dev/null; }
    found_disk() { find /sys/devices/platform/dummy_hcd.0 -name 'sd?' -path '*/block/*' 2>/dev/null | head -1; }
    has_disk() { found=$(found_disk); [ -n "$found" ] && [ "$(cat "$found/size")" -gt 0 ]; }
    echo '{"InactivityTimeout": 0, "MountPoints": {"Slot_1": {"EndpointId": "", "Mode": 1, "NBDDevice": "nbd1",
        "UnixSocket": "", "Timeout": 30, "Connections": 2}}}' >media.json
    start_bus "$PWD"
    "$programs/virtual-mediad" --config media.json --cafile "$work/ca.pem" 2>log &
    daemon=$!
    wait_for "the service" logged serving
    call Mount s "https://10.0.2.2:$port/disk.img"
    wait_for "the mount" logged "Slot_1: mount completed with 0"
    wait_for "the disk" has_disk
    device=/dev/$(basename "$(found_disk)")
    dd if="$device" of=read.img bs=1M iflag=direct 2>/dev/null || fail "reading $device"
    cmp -s read.img "$work/disk.img" || fail "the host does not see the image"
    say "the host read $(stat -c %s read.img) bytes of https://10.0.2.2:$port/disk.img"
    call Unmount
    wait_for "the unmount" logged "unmount completed with 0"
    call Mount s "https://10.0.2.2:$port/absent.img"
    wait_for "the refusal" logged "Slot_1: mount completed with" 2
    logged "Slot_1: mount completed with 0" 2 && fail "an image that is not there was mounted"
    say "$(grep 'mount completed' log | tail -1)"
    kill $daemon
    wait $daemon || fail "the service ended with $?"
    [ -z "$(ls /sys/kernel/config/usb_gadget)" ] || fail "a gadget is left"
    say "$failures failures"
    [ $failures -eq 0 ]
}

if [ "$1" = --inside ]; then shift; inside "$@"; exit; fi

programs=$(cd "$1" && pwd)
for program in nginx openssl; do command -v $program >/dev/null || { say "needs $program"; exit 6; }; done
work=$(mktemp -d /tmp/outside-XXXXXX)
chmod 755 "$work"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=images -addext subjectAltName=IP:10.0.2.2 \
    -keyout "$work/key.pem" -out "$work/ca.pem" 2>/dev/null
head -c 8388608 /dev/urandom >"$work/disk.img"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/nginx.conf" <<X
daemon off; pid $work/nginx.pid; error_log stderr; worker_processes 1; user root;
events {}
http {
  access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$port ssl; ssl_certificate $work/ca.pem; ssl_certificate_key $work/key.pem; root $work; }
}
X
nginx -c "$work/nginx.conf" 2>"$work/nginx.log" &
server=$!
for try in $(seq 100); do
    curl -s --cacert "$work/ca.pem" --connect-to "10.0.2.2:$port:127.0.0.1:$port" -o /dev/null "https://10.0.2.2:$port/disk.img" && break
    sleep 0.1
done
"${MEDIARIG:-$programs/mediarig}" rig run dummy-hcd-vm --network open --deadline 120 -- \
    bash "$here/outside.sh" --inside "$programs" "$work" "$port"
status=$?
kill $server; wait $server 2>/dev/null
rm -rf "$work"
exit $status
