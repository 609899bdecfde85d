package import KernelDevices
package import RemoteImages
import VirtualMedia

/// How a ``VirtualMediaDaemon`` was asked to run.
package struct DaemonSettings: Sendable {
    package enum Bus: Equatable, Sendable {
        /// DBUS_SYSTEM_BUS_ADDRESS, or the well-known place.
        case system
        /// DBUS_SESSION_BUS_ADDRESS.
        case session
        case address(String)
    }

    package var configurationFile = "/etc/virtual-media.json"
    package var bus = Bus.system
    package var busName = MediaInterfaces.busName
    package var nbdMode = KernelNBDDriver.Mode.netlink
    package var https = HTTPSOptions()
    package var allowsLocalFiles = false
    package var scratchFolder = "/var/tmp"
    package var logLevel = LogLevel.info

    package init() {}
}
