package import DBusProtocol
package import VirtualMedia

/// Seconds since 1970, UTC; for time stamps only, never for durations.
package protocol WallClock: Sendable {
    var secondsSince1970: Int64 { get }
}

/// Random bytes for tokens and keys: unpredictable in a real process, of a seed in a simulation.
package protocol Entropy: Sendable {
    func bytes(_ count: Int) -> [UInt8]
}

/// A password KDF. Both take long on purpose, and run where that holds up nobody.
package protocol PasswordHashing: Sendable {
    /// - Returns: algorithm, parameters, salt and key as text.
    func hash(_ password: [UInt8]) async -> String
    /// Compares in constant time; a text that is no hash is no match, and takes as long.
    func matches(_ password: [UInt8], _ hash: String) async -> Bool
    /// A fast digest (SHA-256), to recognise a password that was right a moment ago.
    func digest(_ bytes: [UInt8]) -> [UInt8]
}

/// Where the accounts are kept.
package protocol AccountStore: Sendable {
    /// - Returns: `nil` when none were ever stored.
    func load() async throws(StoreFailure) -> [Account]?
    /// All of them, or nothing: a crash leaves the old or the new ones.
    func save(_ accounts: [Account]) async throws(StoreFailure)
}

package struct StoreFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Accounts in memory only: gone with the process.
package actor MemoryAccountStore: AccountStore {
    private var accounts: [Account]?
    package init(_ accounts: [Account]? = nil) { self.accounts = accounts }
    package func load() async throws(StoreFailure) -> [Account]? { accounts }
    package func save(_ accounts: [Account]) async throws(StoreFailure) { self.accounts = accounts }
}

/// Makes connections to the message bus.
package protocol BusConnector: Sendable {
    func connect() async throws(BusError) -> any BusConnection
}

/// Puts a secret where only the one who is handed the descriptor can read it.
package protocol SecretPipes: Sendable {
    /// A pipe whose writer has written everything and closed it.
    func pipe(holding bytes: [UInt8]) throws(SystemError) -> PassedDescriptor
}

/// What the host is to start from the next time.
package struct BootOverride: Equatable, Sendable {
    package enum Target: String, Sendable, CaseIterable {
        case none = "None"
        case cd = "Cd"
        case usb = "Usb"
    }
    package enum Persistence: String, Sendable, CaseIterable {
        case disabled = "Disabled"
        case once = "Once"
        case continuous = "Continuous"
    }
    package var target = Target.none
    package var persistence = Persistence.disabled
    package init(_ target: Target = .none, _ persistence: Persistence = .disabled) {
        self.target = target
        self.persistence = persistence
    }
}

/// The host that is attached to this BMC.
package protocol HostBoot: Sendable {
    /// As it is now: a host that has started once has used it up.
    func bootOverride() async -> BootOverride
    func setBootOverride(_ boot: BootOverride) async throws(StoreFailure)
}

/// A host that is told nothing: what was asked for is kept until somebody takes it.
package actor RememberedBoot: HostBoot {
    private var boot = BootOverride()
    package init() {}
    package func bootOverride() async -> BootOverride { boot }
    package func setBootOverride(_ boot: BootOverride) async throws(StoreFailure) { self.boot = boot }

    /// What the starting host is to start from; one that was meant once is used up.
    package func take() -> BootOverride {
        defer { if boot.persistence == .once { boot = BootOverride() } }
        return boot
    }
}

/// One event on its way to a subscriber.
package struct EventPush: Sendable {
    package let destination: String
    package let headers: [(name: String, value: String)]
    /// JSON.
    package let body: [UInt8]
    package let verifiesCertificate: Bool

    package init(
        destination: String, headers: [(name: String, value: String)], body: [UInt8],
        verifiesCertificate: Bool
    ) {
        self.destination = destination
        self.headers = headers
        self.body = body
        self.verifiesCertificate = verifiesCertificate
    }
}

/// Sends events to subscribers: HTTP POST.
package protocol EventDelivery: Sendable {
    /// - Returns: whether the subscriber took it (any 2xx) within a time of the port's own.
    func post(_ push: EventPush) async -> Bool
}

/// What an administrator may want to know later: who did what, from where. Never holds a secret.
package struct AuditEntry: Equatable, Sendable {
    package let userName: String
    package let address: String
    /// "POST /redfish/v1/…/VirtualMedia.InsertMedia"
    package let action: String
    package let status: Int
}

/// Everything the front needs from outside, in one value.
package struct RedfishPlatform: Sendable {
    package var bus: any BusConnector
    package var clock: any MediaClock
    package var wallClock: any WallClock
    package var spawner: any Spawner
    package var entropy: any Entropy
    package var passwords: any PasswordHashing
    package var accounts: any AccountStore
    package var settings: any SettingsStore
    package var secrets: any SecretPipes
    package var host: any HostBoot
    /// Without one there are event streams, but no subscriptions.
    package var delivery: (any EventDelivery)?
    /// Is told of every request that changes something or is refused for its login.
    package var audit: @Sendable (AuditEntry) -> Void

    package init(
        bus: any BusConnector, clock: any MediaClock, wallClock: any WallClock, spawner: any Spawner,
        entropy: any Entropy, passwords: any PasswordHashing, accounts: any AccountStore,
        secrets: any SecretPipes, host: any HostBoot = RememberedBoot(),
        settings: any SettingsStore = MemorySettingsStore(), delivery: (any EventDelivery)? = nil,
        audit: @escaping @Sendable (AuditEntry) -> Void = { _ in }
    ) {
        self.bus = bus
        self.clock = clock
        self.wallClock = wallClock
        self.spawner = spawner
        self.entropy = entropy
        self.passwords = passwords
        self.accounts = accounts
        self.secrets = secrets
        self.host = host
        self.settings = settings
        self.delivery = delivery
        self.audit = audit
    }
}
