import VirtualMedia

/// How attachments reach the nbd driver. All calls wait.
protocol AttachmentPath: Sendable {
    /// - Parameter descriptors: stays the caller's; the kernel takes references of its own.
    func connect(_ attachment: NBDAttachment, number: UInt32, descriptors: [CInt]) throws(SystemError)
    /// Offers the driver connections in place of dead ones; it takes as many as it has lost.
    func reconfigure(_ device: String, number: UInt32, descriptors: [CInt]) throws(SystemError)
    func disconnect(_ device: String, number: UInt32) throws(SystemError)
    /// Of what is attached now; `nil` where nobody noted one.
    func backendIdentifier(of device: String) -> String?
    /// Calls `died` with the device's number whenever the driver tells of a dead connection; where it tells
    /// nobody, never. Repeated calls are harmless.
    func watch(_ died: @escaping @Sendable (UInt32) -> Void)
}

extension Duration {
    /// Rounded up: a second too many is no error, a second too few is.
    var wholeSeconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(max(0, attoseconds > 0 ? seconds + 1 : seconds))
    }
}
