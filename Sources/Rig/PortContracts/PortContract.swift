import VirtualMedia

/// One thing that is true of a port, whoever satisfies it: of a kernel, where it was found out, and of the
/// simulation, which has to be the same.
package struct PortContract: Sendable {
    package enum Area: String, Sendable, CaseIterable {
        case gadgetTree = "gadget tree"
        case units = "LUN attributes"
        case controllers
        case nbd
        case uevents
    }

    package let area: Area
    /// A sentence; with the area it names the contract.
    package let name: String
    /// Whether attachments must survive the loss of their server, which those made by ioctl do not.
    package let needsNetlink: Bool
    package let body: @Sendable (ContractSubject) async throws -> Void

    package init(
        _ area: Area, _ name: String, needsNetlink: Bool = false,
        _ body: @escaping @Sendable (ContractSubject) async throws -> Void
    ) {
        self.area = area
        self.name = name
        self.needsNetlink = needsNetlink
        self.body = body
    }

    /// Every contract, in the order in which they are held.
    package static let all: [PortContract] =
        ConfigFSRule.all.map(\.contract) + unitContracts + controllerContracts + nbdContracts
        + nbdLossContracts + ueventContracts
}

/// What was found instead of what the contract says.
package struct ContractBreach: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// - Throws: a breach with both values, unless they are equal.
func expect<Value: Equatable>(_ found: Value, is wanted: Value, _ what: @autoclosure () -> String) throws {
    guard found == wanted else { throw ContractBreach("\(what()) is \(found), not \(wanted)") }
}

func expect(_ condition: Bool, _ breach: @autoclosure () -> String) throws {
    guard condition else { throw ContractBreach(breach()) }
}

/// The errno that a call ends with; 0 for success.
func errorNumber(of body: () async throws(SystemError) -> Void) async -> CInt {
    do throws(SystemError) {
        try await body()
        return 0
    } catch { return error.errno }
}
