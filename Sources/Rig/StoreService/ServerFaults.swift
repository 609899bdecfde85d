package import FaultPoints
package import FaultyFiles
package import HTTPRanges
package import RemoteStore

/// Asks the faults what goes wrong with the requests and connections of the HTTPS server.
package struct ServerFaults: Sendable {
    let book: any FaultInjector
    let tree: FaultyTree

    package init(book: any FaultInjector, tree: FaultyTree) {
        self.book = book
        self.tree = tree
    }

    package func answer(_ request: ReceivedRequest) -> AnswerFaults {
        var faults = AnswerFaults()
        guard ["GET", "HEAD"].contains(request.head.method) else { return faults }
        let operation = request.isHead ? "head" : "get"
        let path = String(request.path)
        let bytes = request.isHead ? nil : bytes(of: request)
        let actions = meet(.http, operation, path, request.connection, bytes)
        faults.add(actions, on: operation, path: request.path)
        faults.addAtClose(meet(.tls, "close", path, request.connection, bytes))
        return faults
    }

    package func handshake(_ connection: Int) -> HandshakeFaults {
        HandshakeFaults(meet(.tls, "handshake", "https", connection, nil))
    }

    /// Those of the image that the answer holds, if it is right.
    private func bytes(of request: ReceivedRequest) -> Range<UInt64>? {
        guard let name = request.head.path?.dropFirst(),
            let status = try? tree.attributes(of: String(name)), status.st_size >= 0
        else { return nil }
        let size = UInt64(status.st_size)
        switch RequestedRange(request.head.value("range"), imageBytes: size) {
        case .part(let range): return range
        case .whole: return 0..<size
        case .unsatisfiable: return nil
        }
    }

    private func meet(
        _ layer: FaultLayer, _ operation: String, _ target: String, _ connection: Int, _ bytes: Range<UInt64>?
    ) -> [FaultAction] {
        let now = tree.now
        let actions = book.meet(
            FaultOccasion(
                layer, operation, on: target, connection: connection, direction: .down, bytes: bytes, at: now)
        )
        if !actions.isEmpty {
            tree.recorder.note(
                OperationRecord(
                    layer.rawValue, operation, target, bytes: bytes, start: now, end: now,
                    injected: actions.map(\.word)))
        }
        return actions
    }
}
