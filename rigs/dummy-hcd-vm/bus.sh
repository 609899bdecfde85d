# For the scripts beside it, which read it in: a system bus in the guest, and waiting for what the kernel and the
# service do by themselves. `say` and `fail` are the reader's own.

# Looks ten times a second, for at most 40 s, until the command succeeds.
wait_for() {
    what=$1; shift; tries=0
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 400 ]; then fail "never came: $what"; return 1; fi
        sleep 0.1
    done
}

# start_bus FOLDER: a dbus-daemon at the usual address; its process number is in $bus.
start_bus() {
    cat >"$1/bus.conf" <<'X'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><policy context="default">
<allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/>
<allow send_type="signal"/><allow eavesdrop="true"/></policy></busconfig>
X
    mkdir -p /run/dbus
    dbus-daemon --config-file="$1/bus.conf" --nofork --nopidfile --nosyslog 2>"$1/bus.log" &
    bus=$!
    wait_for "the bus" test -S /run/dbus/system_bus_socket
}
