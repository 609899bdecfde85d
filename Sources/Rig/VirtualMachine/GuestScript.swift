/// What the guest's kernel starts first: it loads modules, puts this machine's files under a layer that takes
/// writes and forgets them, and becomes the agent.
enum GuestScript {
    /// On the console when the agent takes over; for whoever only wants to know whether a guest runs.
    static let upMark = "mediarig: guest is up"
    /// Asks for nothing but ``upMark`` and to go off again; on the kernel's command line.
    static let probeArgument = "mediarig.probe"
    static let rootTag = "mediarig-root"
    /// The agent's own way to its file: through that to everything else, it would keep a file that is replaced
    /// meanwhile from ever being seen anew.
    static let agentTag = "mediarig-agent"

    /// - Parameters:
    ///   - loading: commands of busybox, one for each module.
    ///   - modulesFolder: of this machine; shown in the guest as its own.
    static func text(loading: [String], modulesFolder: String, _ release: String) -> String {
        """
        #!/bin/busybox sh
        # Written by mediarig.
        export PATH=/bin
        b=/bin/busybox
        die() { echo "mediarig: $*"; $b poweroff -f; }
        $b mount -t proc proc /proc && $b mount -t sysfs sys /sys && $b mount -t devtmpfs dev /dev || die no /dev
        case " $($b cat /proc/cmdline) " in *" \(probeArgument) "*) echo "\(upMark)"; $b poweroff -f;; esac
        for word in $($b cat /proc/cmdline); do
            case "$word" in
            mediarig.agent=*) agent=${word#*=};;
            mediarig.shares=*) shares=${word#*=};;
            mediarig.address=*) address=${word#*=};;
            esac
        done
        \(loading.map { "$b \($0) || echo \"mediarig: not loaded: \($0)\"" }.joined(separator: "\n"))
        nine=trans=virtio,version=9p2000.L,msize=512000,cache=mmap
        $b mount -t 9p -o ro,$nine \(rootTag) /lower || die "no files of the machine outside"
        $b mount -t tmpfs -o mode=755 upper /upper && $b mkdir /upper/files /upper/work
        $b mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /root || die no overlay
        r=/root
        $b mkdir -p $r/proc $r/sys $r/dev $r/run $r/tmp $r/mnt
        for folder in proc sys dev; do $b mount --move /$folder $r/$folder; done
        $b mkdir -p $r/dev/pts $r/dev/shm
        $b mount -t devpts -o ptmxmode=666 devpts $r/dev/pts
        $b mount -t tmpfs shm $r/dev/shm
        $b mount -t tmpfs -o mode=755 run $r/run
        $b mount -t configfs config $r/sys/kernel/config 2>/dev/null
        $b mount -t debugfs debug $r/sys/kernel/debug 2>/dev/null
        $b mkdir -p $r\(GuestFiles.rigFolder)/bin $r/lib/modules/\(release)
        $b cp $b $r\(GuestFiles.rigFolder)/bin/busybox
        $b chroot $r \(GuestFiles.rigFolder)/bin/busybox --install -s \(GuestFiles.rigFolder)/bin
        # Other programs of that name want an index of the modules that only depmod can write.
        $b mkdir $r\(GuestFiles.firstFolder)
        $b ln -s \(GuestFiles.rigFolder)/bin/busybox $r\(GuestFiles.firstFolder)/modprobe
        echo \(GuestFiles.firstFolder)/modprobe > $r/proc/sys/kernel/modprobe
        $b mount --bind "$r\(modulesFolder)" $r/lib/modules/\(release)
        # Its number and its path, percent-encoded, for each.
        for share in $(echo "$shares" | $b tr , ' '); do
            path=$($b httpd -d "${share#*:}")
            $b mkdir -p "$r$path"
            $b mount -t 9p -o $nine mediarig-share${share%%:*} "$r$path" || die "no share $path"
        done
        $b ifconfig lo 127.0.0.1 up
        if [ -n "$address" ]; then
            $b ifconfig eth0 "$address" netmask 255.255.255.0 up && $b route add default gw 10.0.2.2
        fi
        $b hostname mediarig-guest
        echo "\(upMark)"
        $b mkdir $r\(GuestFiles.agentFolder)
        $b mount -t 9p -o ro,$nine \(agentTag) $r\(GuestFiles.agentFolder) || die no agent
        exec $b switch_root $r "\(GuestFiles.agentFolder)/$($b httpd -d "$agent")" rig-agent
        """ + "\n"
    }
}
