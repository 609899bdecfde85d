/// A program's connection to a message bus, after Hello. Satisfied over a real socket (dbus-daemon,
/// our own bus) and in memory.
package protocol BusConnection: Sendable {
    /// ":1.42"
    var uniqueName: String { get }
    /// Sends a method call and waits for its reply.
    ///
    /// - Throws: the error reply, or `NoReply`/`Disconnected` made here.
    func call(_ message: Message) async throws(BusError) -> Message
    /// Sends a message that expects no answer; its serial is filled in.
    func send(_ message: Message) async throws(BusError)
    /// Method calls and signals that arrive for this connection, in order. One consumer; ends when
    /// the connection does.
    var incoming: AsyncStream<Message> { get }
    func close() async
}

/// A D-Bus error: name and text, as in an error message.
package struct BusError: Error, Equatable, Sendable {
    /// "org.freedesktop.DBus.Error.UnknownMethod"
    package let name: String
    package let message: String

    package init(_ name: String, _ message: String) {
        self.name = name
        self.message = message
    }
}

extension BusError: CustomStringConvertible {
    package var description: String { "\(name): \(message)" }
}
