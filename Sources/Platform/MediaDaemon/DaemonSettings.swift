package import DaemonShell
package import KernelDevices
package import RemoteImages
import VirtualMedia

/// How a ``VirtualMediaDaemon`` was asked to run.
package struct DaemonSettings: Sendable {
    package var configurationFile = "/etc/virtual-media.json"
    package var bus = DaemonBus.system
    package var busName = MediaInterfaces.busName
    package var nbdMode = KernelNBDDriver.Mode.netlink
    package var https = HTTPSOptions()
    package var allowsLocalFiles = false
    package var scratchFolder = "/var/tmp"
    package var logLevel = LogLevel.info

    package init() {}
}
