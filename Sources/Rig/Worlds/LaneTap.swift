package import FaultPoints
package import RunLog

/// Writes down what every layer of a world does, on its way to the faults: each asks about every operation,
/// so that this is where the whole path comes by.
package struct LaneTap: FaultInjector {
    private let faults: any FaultInjector
    private let recorder: RunRecorder

    package init(_ faults: any FaultInjector, recorder: RunRecorder) {
        self.faults = faults
        self.recorder = recorder
    }

    package func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        if recorder.keepsTraffic, let lane = Lane(occasion.layer) {
            recorder.recordTraffic(
                lane, slot: occasion.slot, occasion.operation, detail: occasion.target, range: occasion.bytes)
        }
        return faults.meet(occasion)
    }
}

extension Lane {
    /// `nil` for what the run writes down by itself, with more than an operation's name.
    fileprivate init?(_ layer: FaultLayer) {
        switch layer {
        case .store, .smb, .resource: self = .store
        case .http, .tls, .network: self = .network
        case .nbdSocket: self = .server
        case .nbdDevice: self = .nbd
        case .uevent: self = .uevent
        case .configfs: self = .configfs
        case .usb: self = .usb
        case .dbus, .host, .process, .clock, .power: return nil
        }
    }
}
