import FaultPlan
package import FaultyFiles
import Foundation

/// What can be asked of a running store, and what it answers. Moves no bytes.
package final class StoreControl: Sendable {
    /// Records that `GET /log` gives when it is not told how many.
    package static let usualRecords = 100

    /// What a store is, for ``Status``.
    package struct Places: Codable, Equatable, Sendable {
        package var directory: String
        package var isReadOnly: Bool
        package var mount: String?
        package var https: String?
        /// A file with the certificate to trust.
        package var certificate: String?
        package var smb: String?
        package var control: [String] = []

        package init(directory: String, isReadOnly: Bool) {
            self.directory = directory
            self.isReadOnly = isReadOnly
        }
    }

    package struct Status: Codable, Equatable, Sendable {
        package var places: Places
        package var seed: UInt64
        package var isCrashed: Bool
        package var faultCount: Int
        /// Operations that a fault makes wait now.
        package var waitingCount: Int
        package var uptimeSeconds: Int64
    }

    private let tree: FaultyTree
    private let book: FaultBook
    private let smb: @Sendable () -> SambaShare?
    private let places: @Sendable () -> Places

    package init(
        _ tree: FaultyTree, _ book: FaultBook, smb: @escaping @Sendable () -> SambaShare? = { nil },
        places: @escaping @Sendable () -> Places
    ) {
        self.tree = tree
        self.book = book
        self.smb = smb
        self.places = places
    }

    package func answer(_ request: ControlRequest) -> ControlResponse {
        let path = request.path.split(separator: "/").map(String.init)
        switch (request.method, path.first, path.count) {
        case ("GET", "status", 1): return ControlResponse(json: StoreJSON.text(status))
        case ("GET", "faults", 1): return ControlResponse(json: StoreJSON.text(book.entries))
        case ("POST", "faults", 1): return add(request.body)
        case ("DELETE", "faults", 1):
            book.removeAll(at: tree.now)
            tree.endHangs()
            return ControlResponse(json: StoreJSON.text(book.entries))
        case ("DELETE", "faults", 2): return remove(path[1])
        case ("GET", "log", 1): return log(request.query["last"])
        case ("GET", "metrics", 1):
            return ControlResponse("text/plain; version=0.0.4; charset=utf-8", metrics)
        case ("POST", "crash", 1): return crash(request.query["survivors"])
        case ("POST", "restart", 1):
            tree.restart()
            return ControlResponse(json: StoreJSON.text(status))
        case ("POST", "heal", 1):
            book.removeAll(at: tree.now)
            tree.heal()
            return ControlResponse(json: StoreJSON.text(status))
        case ("POST", "smb", 2): return control(path[1], smb())
        default: return refuse(request, path)
        }
    }

    private func refuse(_ request: ControlRequest, _ path: [String]) -> ControlResponse {
        let known = ["status", "faults", "log", "metrics", "crash", "restart", "heal", "smb"]
        guard let first = path.first, known.contains(first) else {
            return ControlServer.refusal(404, "there are /\(known.joined(separator: ", /"))")
        }
        return ControlServer.refusal(405, "\(request.method) is not for \(request.path)")
    }

    package var status: Status {
        Status(
            places: places(), seed: book.seed, isCrashed: tree.isCrashed, faultCount: book.entries.count,
            waitingCount: tree.waitingRoom.waitingCount, uptimeSeconds: tree.now.components.seconds)
    }

    private var metrics: String {
        tree.recorder.metrics.text(
            fired: book.fired,
            gauges: [
                ("waiting_operations", "Operations that a fault makes wait.", tree.waitingRoom.waitingCount),
                ("crashed", "1 while the store is down.", tree.isCrashed ? 1 : 0),
                ("faults", "Faults that are there.", book.entries.count),
            ])
    }

    /// What befalls the SMB server as a whole.
    private func control(_ word: String, _ share: SambaShare?) -> ControlResponse {
        guard let share else { return ControlServer.refusal(404, "this store has no SMB share") }
        do throws(StoreFailure) {
            switch word {
            case "pause": share.pause()
            case "resume": share.resume()
            case "kill": share.kill()
            case "start": try share.start()
            default: return ControlServer.refusal(404, "there are /smb/pause, /resume, /kill and /start")
            }
            return ControlResponse(json: StoreJSON.text(status))
        } catch {
            return ControlServer.refusal(400, error.description)
        }
    }

    /// All of them, or none.
    private func add(_ body: [UInt8]) -> ControlResponse {
        guard let text = String(validating: body, as: UTF8.self) else {
            return ControlServer.refusal(400, "faults: not UTF-8")
        }
        var added: [Fault] = []
        do throws(StoreFailure) {
            let faults = try FaultText.parse(text)
            guard !faults.isEmpty else { throw StoreFailure("faults: none given") }
            for fault in faults { added.append(try book.add(fault, at: tree.now)) }
            return ControlResponse(status: 201, json: StoreJSON.text(added))
        } catch {
            for fault in added { _ = book.remove(fault.identifier, at: tree.now) }
            return ControlServer.refusal(400, error.description)
        }
    }

    private func remove(_ escaped: String) -> ControlResponse {
        let name = escaped.removingPercentEncoding ?? escaped
        guard book.remove(name, at: tree.now) else {
            return ControlServer.refusal(404, "there is no fault \"\(name)\"")
        }
        // What hangs without a hold of the engine's belongs to no single fault.
        tree.endHangs()
        return ControlResponse(json: StoreJSON.text(book.entries))
    }

    private func log(_ last: String?) -> ControlResponse {
        guard let count = last.map({ Int($0) }) ?? Self.usualRecords, count > 0 else {
            return ControlServer.refusal(400, "last: a number above 0")
        }
        let lines = tree.recorder.latest(count).map { $0.line + "\n" }
        return ControlResponse("application/x-ndjson", lines.joined())
    }

    private func crash(_ survivors: String?) -> ControlResponse {
        guard let count = survivors.map({ Int($0) }) ?? 0, count >= 0 else {
            return ControlServer.refusal(400, "survivors: how many unsynced writes of each file are kept")
        }
        tree.crash(survivors: count)
        return ControlResponse(json: StoreJSON.text(status))
    }
}
