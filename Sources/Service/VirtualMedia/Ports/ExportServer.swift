package import BlockStorage

/// Serves a store over NBD, for one slot.
package protocol ExportServer: Sendable {
    func serve(_ store: any BlockStore, for slot: String) async throws(SystemError) -> any ServedExport
}

package protocol ServedExport: Sendable {
    /// A new connection to the server, before its handshake.
    func connect() async throws(SystemError) -> any ByteChannel
    /// Ends every connection and waits until the store is no longer used.
    func stop() async
}
