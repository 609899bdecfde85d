package import USBIPProtocol
package import USBMassStorage

/// A device that a ``USBIPServer`` can hand to hosts elsewhere, one at a time.
package protocol ExportableDevice: Sendable {
    /// What lists and imports say of it; `nil` while nothing is there.
    func announcement() async -> ExportedDevice?
    /// A host takes hold of it.
    ///
    /// - Parameter departed: called once, when the device is unplugged from its side.
    /// - Returns: `nil` when nothing is there, or another host has it.
    func plugIn(departed: @escaping @Sendable () -> Void) async -> (any PluggedDevice)?
}

/// A host's hold on an exported device. Transfers are taken in the order of the calls; each call returns
/// at once.
package protocol PluggedDevice: Sendable {
    /// - Parameter completion: called once, perhaps before this returns.
    func submit(
        _ transfer: USBTransfer, as number: TransferID,
        completion: @escaping @Sendable (TransferOutcome) -> Void) async
    /// The transfer completes as cancelled unless it just completed.
    func cancel(_ number: TransferID) async
    /// The host lets go: what is in flight completes as cancelled, or not at all.
    func unplug() async
}
