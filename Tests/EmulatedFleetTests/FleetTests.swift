import Foundation
import HTTPTransport
import TestSupport
import Testing
import VirtualMedia

@testable import EmulatedFleet

/// BMCs that share threads, a certificate and the work on a password, and nothing that anybody could see.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"))
struct FleetTests {
    static let password = "Fleet-12345"

    /// Several BMCs in this process.
    final class Fleet: Sendable {
        let folder: TemporaryFolder
        let commons: FleetCommons
        let fronts: [EmulatedFront]
        let authority: String

        init(_ count: Int) async throws {
            let folder = try TemporaryFolder()
            self.folder = folder
            let files = IdentityFolder(path: folder.path)
            commons = try FleetCommons(
                identity: try files.identity(names: ["localhost"]), passwordCost: 2, bmcs: count)
            authority = files.authorityPath
            let plans = try (0..<count).map { number in
                let sockets = folder.file("bmc\(number)")
                try FileManager.default.createDirectory(atPath: sockets, withIntermediateDirectories: true)
                return EmulatedFront.Plan(
                    media: SlotLayout.slots(2, socketsIn: sockets), password: FleetTests.password)
            }
            fronts = try await EmulatedFront.start(plans, sharing: commons)
        }

        /// - Returns: the status, and what the answer says.
        func request(_ number: Int, _ path: String, _ arguments: String...) async throws -> (Int, String) {
            let result = try await ForeignProgram(
                "curl",
                [
                    "-s", "--cacert", authority, "-w", "\n%{http_code}", "-H",
                    "Content-Type: application/json",
                    "https://localhost:\(fronts[number].port)/redfish/v1/\(path)",
                ] + arguments
            ).run()
            let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
            return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
        }

        func stop() async {
            await EmulatedFront.stop(fronts)
            await commons.stop()
        }
    }

    @Test func `no account, session or slot of one BMC is another's`() async throws {
        let fleet = try await Fleet(3)
        let old = ["-u", "admin:\(Self.password)"]
        let account = "AccountService/Accounts/admin"
        let changed = try await fleet.request(
            0, account, old[0], old[1], "-X", "PATCH", "-d", #"{"Password":"Another-678"}"#)
        #expect(changed.0 == 200, "\(changed)")
        #expect(try await fleet.request(0, account, old[0], old[1]).0 == 401)
        #expect(try await fleet.request(0, account, "-u", "admin:Another-678").0 == 200)
        for other in 1...2 {
            #expect(try await fleet.request(other, account, old[0], old[1]).0 == 200)
            #expect(try await fleet.request(other, account, "-u", "admin:Another-678").0 == 401)
        }

        let login = #"{"UserName":"admin","Password":"\#(Self.password)"}"#
        let session = try await fleet.request(
            1, "SessionService/Sessions", "-D", "-", "-o", "/dev/null", "-d", login)
        let token = session.1.split(whereSeparator: \.isNewline)
            .first { $0.lowercased().hasPrefix("x-auth-token") }.map(String.init)
        let header = try #require(token)
        #expect(try await fleet.request(1, "Systems", "-H", header).0 == 200)
        for other in [0, 2] { #expect(try await fleet.request(other, "Systems", "-H", header).0 == 401) }

        let slot = "Systems/system/VirtualMedia/Slot_1"
        let policy = try await fleet.request(
            2, slot, old[0], old[1], "-X", "PATCH", "-d", #"{"EjectPolicy":"Session"}"#)
        #expect(policy.0 == 200, "\(policy)")
        #expect(try await fleet.request(2, slot, old[0], old[1]).1.contains(#""EjectPolicy":"Session""#))
        #expect(
            try await !fleet.request(1, slot, old[0], old[1]).1.contains(#""EjectPolicy":"Session""#))
        await fleet.stop()
    }

    @Test func `BMCs begin with the same hash of the same password, and are named in order`() async throws {
        let fleet = try await Fleet(2)
        let hash = { (password: String) in await fleet.commons.accounts("admin", password: password)[0] }
        #expect(await hash("one").passwordHash == hash("one").passwordHash)
        #expect(await hash("one").passwordHash != hash("two").passwordHash)
        #expect(Set(fleet.fronts.map(\.port)).count == 2)
        await fleet.stop()
    }

    @Test func `where one cannot be started none is left`() async throws {
        let folder = try TemporaryFolder()
        let files = IdentityFolder(path: folder.path)
        let commons = try FleetCommons(
            identity: try files.identity(names: ["localhost"]), passwordCost: 2, bmcs: 2)
        var plans = (0..<2).map { number in
            EmulatedFront.Plan(
                media: SlotLayout.slots(1, socketsIn: folder.file("\(number)")), password: Self.password)
        }
        plans[1].host = "192.0.2.1"
        await #expect(throws: FleetFailure.self) { try await EmulatedFront.start(plans, sharing: commons) }
        await commons.stop()
    }
}
