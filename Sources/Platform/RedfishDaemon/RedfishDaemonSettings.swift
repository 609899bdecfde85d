package import DaemonShell
package import HTTPTransport
package import RedfishServer

/// How a ``RedfishDaemon`` was asked to run: its configuration file, and what options say instead.
package struct RedfishDaemonSettings: Sendable {
    package static let usualFile = "/etc/redfishd.json"

    package var configurationFile: String?
    /// Every address of this machine by default, of version 4 too.
    package var address = "::"
    package var port = 443
    package var bus = DaemonBus.system
    /// For accounts, settings, and the certificate that is made where none is given.
    package var stateFolder = "/var/lib/redfishd"
    /// PEM files; both or neither.
    package var certificateFile: String?
    package var keyFile: String?
    /// DNS names and addresses for which a certificate is made; empty for the machine's own name and loopback.
    package var names: [String] = []
    package var hostName: String?
    package var systemID = "system"
    package var managerID = "bmc"
    package var firmwareVersion = "1"
    package var mediaBusName = "xyz.openbmc_project.VirtualMedia"
    package var mediaRootPath = "/xyz/openbmc_project/VirtualMedia"
    package var imageSources = ImageSourcePolicy()
    package var sessionTimeoutSeconds = 1800
    package var maximumSessions = 1024
    package var maximumSessionsPerUser = 64
    /// How long InsertMedia and EjectMedia wait for the truth before they answer with a task.
    package var shortWaitSeconds = 5
    package var limits = WebServerLimits()
    /// PEM: whom to trust when events are sent to subscribers; `nil` for whom the system trusts.
    package var eventAuthorities: String?
    /// Of the account that is made when there never was one.
    package var userName = "admin"
    /// Has the password of that account in its first line; read at the first start only.
    package var passwordFile: String?
    package var logLevel = LogLevel.info

    package init() {}
}
