/// What the front is told at its start.
package struct RedfishConfiguration: Sendable {
    package struct InitialAccount: Sendable {
        package var userName: String
        package var password: String
        package var role: Role
        package var mustChangePassword: Bool
        package init(
            _ userName: String, password: String, role: Role = .administrator,
            mustChangePassword: Bool = false
        ) {
            self.userName = userName
            self.password = password
            self.role = role
            self.mustChangePassword = mustChangePassword
        }
    }

    /// Made when the account store has never held any.
    package var initialAccounts: [InitialAccount]
    /// Names this BMC in the service root; 8-4-4-4-12 hexadecimal digits.
    package var uuid: String
    package var hostName = "bmc"
    package var systemID = "system"
    package var managerID = "bmc"
    package var firmwareVersion = "1"
    package var httpsPort = 443
    package var sessionTimeout = Duration.seconds(1800)
    package var maximumSessions = 1024
    package var maximumSessionsPerUser = 1024
    /// How long InsertMedia and EjectMedia wait for the truth before they answer with a task.
    package var shortWait = Duration.seconds(5)
    /// Before an event is sent again to a subscriber that did not take it.
    package var eventRetryInterval = RedfishLimits.deliveryInterval
    package var imageSources = ImageSourcePolicy()
    /// The bus name of the virtual media service, and where its objects begin.
    package var mediaBusName = "xyz.openbmc_project.VirtualMedia"
    package var mediaRootPath = "/xyz/openbmc_project/VirtualMedia"

    package init(initialAccounts: [InitialAccount], uuid: String) {
        self.initialAccounts = initialAccounts
        self.uuid = uuid
    }
}
