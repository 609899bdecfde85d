import Foundation
package import FrontPlatform

/// Takes the medium of a Proxy slot from its host through Redfish, so that its client can serve on meanwhile.
package struct SlotEjection: Sendable {
    /// Why the BMC did not take it, for people.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Slots and links that are followed at the most.
    private static let maximumResources = 256
    /// A BMC answers within a few seconds, with a task if it takes longer.
    private static let timeout = Duration.seconds(30)

    private let origin: String
    private let path: String
    private let fields: [(name: String, value: String)]
    private let trust: CurlRequest.Trust

    /// - Parameters:
    ///   - target: the WebSocket that serves the slot, and who is logged in there.
    package init(_ target: ImageAttachment.Target, trust: CurlRequest.Trust) {
        let host = target.host.contains(":") ? "[\(target.host)]" : target.host
        origin = "https://\(host):\(target.port)"
        path = target.path
        fields = target.fields
        self.trust = trust
    }

    /// Returns once the BMC has taken the medium from the host, or has promised to.
    package func run() async throws(Failure) {
        guard let action = try await ejectAction() else {
            throw Failure(description: "Redfish shows no slot with the WebSocket \(path)")
        }
        let answer = try await send(action, body: Array("{}".utf8))
        guard (200..<300).contains(answer.status) else {
            throw Failure(description: "EjectMedia: \(Self.words(of: answer))")
        }
    }

    /// Under systems first, then under managers, as BMCs differ.
    private func ejectAction() async throws(Failure) -> String? {
        var remaining = Self.maximumResources
        func get(_ path: String) async throws(Failure) -> [String: Any]? {
            guard remaining > 0 else { return nil }
            remaining -= 1
            let answer = try await send(path, body: nil)
            if answer.status == 404 { return nil }
            guard answer.status == 200 else {
                throw Failure(description: "\(path): \(Self.words(of: answer))")
            }
            return (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any]
        }
        for collection in ["/redfish/v1/Systems", "/redfish/v1/Managers"] {
            for owner in Self.members(of: try await get(collection)) {
                guard let slots = Self.link(try await get(owner)?["VirtualMedia"]) else { continue }
                for slot in Self.members(of: try await get(slots)) {
                    guard let slot = try await get(slot), isServed(slot) else { continue }
                    let actions = slot["Actions"] as? [String: Any]
                    let eject = actions?["#VirtualMedia.EjectMedia"] as? [String: Any]
                    if let target = eject?["target"] as? String { return target }
                }
            }
        }
        return nil
    }

    /// "/vm/0/0" is the first slot that is served by a client.
    private func isServed(_ slot: [String: Any]) -> Bool {
        let extensions = (slot["Oem"] as? [String: Any])?["OpenBMC"] as? [String: Any]
        guard let endpoint = extensions?["WebSocketEndpoint"] as? String, !endpoint.isEmpty else {
            return false
        }
        return endpoint == path || path.hasPrefix("/vm/0/0")
    }

    private static func members(of collection: [String: Any]?) -> [String] {
        (collection?["Members"] as? [Any] ?? []).compactMap(link)
    }

    private static func link(_ value: Any?) -> String? { (value as? [String: Any])?["@odata.id"] as? String }

    private func send(_ path: String, body: [UInt8]?) async throws(Failure) -> CurlRequest.Answer {
        // A BMC that names another server is not followed there: it would be shown the login.
        guard path.hasPrefix("/") else { throw Failure(description: "not a path of the BMC: \(path)") }
        var request = CurlRequest(origin + path)
        request.headers = fields
        if body != nil { request.headers.append((name: "Content-Type", value: "application/json")) }
        request.body = body
        request.trust = trust
        request.timeout = Self.timeout
        do throws(CurlRequest.Failure) { return try await request.send() } catch {
            throw Failure(description: error.description)
        }
    }

    /// "HTTP 403: The account lacks the privilege."
    private static func words(of answer: CurlRequest.Answer) -> String {
        let object = (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any]
        let error = object?["error"] as? [String: Any]
        let first = (error?["@Message.ExtendedInfo"] as? [[String: Any]])?.first
        let message = first?["Message"] as? String ?? error?["message"] as? String
        return "HTTP \(answer.status)" + (message.map { ": \($0)" } ?? "")
    }
}
