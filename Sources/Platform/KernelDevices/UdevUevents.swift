import CLinux
import CUdev
import Glibc
import Synchronization
import Threads
package import VirtualMedia

/// Uevents of this kernel, through libudev, as the kernel sends them: also where no udev runs.
package final class UdevUevents: UeventSource {
    /// Events that one listener may have unread; the newest are dropped then, each being a hint.
    static let maximumUnread = 1024
    private static let subsystems = ["block", "udc", "gadget"]

    private struct State {
        var listeners: [UInt64: AsyncStream<Uevent>.Continuation] = [:]
        var lastListener: UInt64 = 0
        /// Ends the thread that reads; `nil` while none does.
        var stop: CInt?
    }

    private let state = Mutex(State())

    package init() {}

    deinit {
        if let stop = state.withLock({ $0.stop }) { eventfd_write(stop, 1) }
    }

    /// Ends at once where the system gives no monitor; the service then looks by itself, every second.
    package func uevents() async -> AsyncStream<Uevent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Uevent.self, bufferingPolicy: .bufferingOldest(Self.maximumUnread))
        let (number, isListening) = state.withLock { state -> (UInt64, Bool) in
            state.lastListener += 1
            state.listeners[state.lastListener] = continuation
            return (state.lastListener, state.stop != nil || start(&state))
        }
        continuation.onTermination = { [weak self] _ in self?.leave(number) }
        if !isListening { continuation.finish() }
        return stream
    }

    private func leave(_ number: UInt64) {
        state.withLock { state in
            state.listeners[number] = nil
            guard state.listeners.isEmpty, let stop = state.stop else { return }
            eventfd_write(stop, 1)
            state.stop = nil
        }
    }

    private func start(_ state: inout State) -> Bool {
        guard let monitor = UdevMonitor(subsystems: Self.subsystems) else { return false }
        let stop = eventfd(0, CInt(EFD_CLOEXEC))
        guard stop >= 0 else { return false }
        let isStarted = BlockingThread.start("uevents") { [weak self] in
            monitor.read(until: stop) { self?.hand(out: $0) }
            close(stop)
        }
        guard isStarted else {
            close(stop)
            return false
        }
        state.stop = stop
        return true
    }

    private func hand(out uevent: Uevent) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.yield(uevent) }
    }
}

/// A libudev monitor. One thread uses it at a time.
private final class UdevMonitor: @unchecked Sendable {
    /// Of the socket: a burst of a machine that starts.
    private static let receiveBytes: CInt = 1 << 20

    private let context: OpaquePointer
    private let monitor: OpaquePointer

    init?(subsystems: [String]) {
        guard let context = udev_new() else { return nil }
        // "udev" would wait for a udevd and its rules; what we need is in the kernel's own event.
        guard let monitor = udev_monitor_new_from_netlink(context, "kernel") else {
            udev_unref(context)
            return nil
        }
        self.context = context
        self.monitor = monitor
        for subsystem in subsystems {
            udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, nil)
        }
        // More needs a privilege; without it the usual size has to do, events being hints.
        udev_monitor_set_receive_buffer_size(monitor, Self.receiveBytes)
        guard udev_monitor_enable_receiving(monitor) >= 0 else { return nil }
    }

    deinit {
        udev_monitor_unref(monitor)
        udev_unref(context)
    }

    func read(until stop: CInt, _ each: (Uevent) -> Void) {
        while true {
            var entries = [
                pollfd(fd: udev_monitor_get_fd(monitor), events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[1].revents != 0 { return }
            guard let device = udev_monitor_receive_device(monitor) else { continue }
            each(Self.uevent(device))
            udev_device_unref(device)
        }
    }

    private static func uevent(_ device: OpaquePointer) -> Uevent {
        let ownKeys: Set = ["ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM"]
        var properties: [String] = []
        var entry = udev_device_get_properties_list_entry(device)
        while let present = entry {
            let name = text(udev_list_entry_get_name(present))
            if !ownKeys.contains(name) {
                properties.append("\(name)=\(text(udev_list_entry_get_value(present)))")
            }
            entry = udev_list_entry_get_next(present)
        }
        return Uevent(
            action: text(udev_device_get_action(device)), devicePath: text(udev_device_get_devpath(device)),
            subsystem: text(udev_device_get_subsystem(device)),
            sequenceNumber: udev_device_get_seqnum(device), properties: properties)
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }
}
