// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    // One rule for where a nonisolated async function runs, in every target: it decides the number
    // of executor hops, and with them the schedule that a seed reproduces.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // An import is visible to other targets only where it says so: `package import`.
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func room(_ folder: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)",
        swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: ["TestSupport"] + dependencies,
        path: "Tests/\(name)Tests", swiftSettings: settings)
}

let package = Package(
    name: "MediaRig",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "mediarig", targets: ["mediarig"]),
        .executable(name: "virtual-mediad", targets: ["virtual-mediad"]),
        .executable(name: "redfishd", targets: ["redfishd"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // Protocols: bytes and events in, actions out.
        room("Protocols", "WireFormat"),
        room("Protocols", "NBDProtocol", ["WireFormat"]),
        room("Protocols", "DBusProtocol", ["WireFormat"]),
        room("Protocols", "USBMassStorage", ["WireFormat"]),
        room("Protocols", "USBIPProtocol", ["USBMassStorage", "WireFormat"]),
        room("Protocols", "HTTPRanges"),
        room("Protocols", "Netlink", ["WireFormat"]),
        room("Protocols", "GuestControl", ["WireFormat"]),
        room("Protocols", "GuestImage", ["WireFormat"]),

        // Service: what ships on a BMC.
        room("Service", "BlockStorage", ["WireFormat", "CLinux"]),
        room("Service", "NBDServer", ["BlockStorage", "NBDProtocol", "WireFormat", "CLinux"]),
        room(
            "Service", "VirtualMedia",
            ["BlockStorage", "NBDProtocol", "DBusProtocol", "WireFormat"]),
        room("Service", "RemoteImages", ["VirtualMedia", "BlockStorage"]),
        room(
            "Service", "RedfishServer",
            ["VirtualMedia", "DBusProtocol", .product(name: "HTTPTypes", package: "swift-http-types")]),
        // In C, which takes whole files in with one line each; Swift would compile them as arrays of numbers.
        .target(name: "FrontPage", path: "Sources/Service/FrontPage", exclude: ["page"]),
        room(
            "Service", "WebFront",
            [
                "FrontPage", "RedfishServer", "VirtualMedia", "WireFormat",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),

        // Platform: the only code that touches Linux.
        .systemLibrary(name: "CLinux", path: "Sources/Platform/CLinux"),
        .systemLibrary(
            name: "CCurl", path: "Sources/Platform/CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/Platform/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CFuse", path: "Sources/Platform/CFuse", pkgConfig: "fuse3",
            providers: [.apt(["libfuse3-dev"])]),
        .systemLibrary(
            name: "CUSB", path: "Sources/Platform/CUSB", pkgConfig: "libusb-1.0",
            providers: [.apt(["libusb-1.0-0-dev"])]),
        .systemLibrary(
            name: "CUdev", path: "Sources/Platform/CUdev", pkgConfig: "libudev",
            providers: [.apt(["libudev-dev"])]),
        room("Platform", "DescriptorPassing", ["CLinux"]),
        room("Platform", "Threads", ["CLinux"]),
        room(
            "Platform", "LinuxPlatform",
            [
                "DescriptorPassing", "Threads", "VirtualMedia", "NBDServer", "BlockStorage", "NBDProtocol",
                "DBusProtocol", "WireFormat",
                "CLinux",
            ]),
        room(
            "Platform", "ImageSources",
            [
                "LinuxPlatform", "Threads", "RemoteImages", "VirtualMedia", "BlockStorage", "CCurl", "CLinux",
            ]),
        room("Platform", "Certificates", ["COpenSSL"]),
        room(
            "Platform", "HTTPTransport",
            [
                "WebFront", "Certificates", "WireFormat",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),

        room(
            "Platform", "KernelDevices",
            ["LinuxPlatform", "Threads", "VirtualMedia", "Netlink", "WireFormat", "CLinux", "CUdev"]),

        room(
            "Platform", "FrontPlatform",
            [
                "RedfishServer", "WebFront", "LinuxPlatform", "Threads", "VirtualMedia", "DBusProtocol",
                "COpenSSL", "CLinux", "CCurl",
            ]),
        room(
            "Platform", "DaemonShell",
            [
                "LinuxPlatform", "DescriptorPassing", "Threads", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        room(
            "Platform", "RedfishDaemon",
            [
                "DaemonShell", "FrontPlatform", "HTTPTransport", "WebFront", "RedfishServer", "LinuxPlatform",
                "VirtualMedia", "DBusProtocol",
            ]),
        room(
            "Platform", "MediaDaemon",
            [
                "DaemonShell", "KernelDevices", "ImageSources", "LinuxPlatform", "DescriptorPassing",
                "Threads",
                "RemoteImages", "VirtualMedia", "DBusProtocol", "CLinux",
            ]),

        // Simulation: a BMC in memory.
        room(
            "Simulation", "SimulatedNetwork",
            [
                "FaultPoints", "SimulatedTime", "VirtualMedia", "NBDServer", "NBDProtocol", "BlockStorage",
                "WireFormat",
            ]),
        room("Simulation", "FaultPoints"),
        .target(name: "CSwiftRuntime", path: "Sources/Simulation/CSwiftRuntime"),
        room("Simulation", "SimulatedTime", ["VirtualMedia", "CSwiftRuntime"]),
        room(
            "Simulation", "SimulatedBMC",
            [
                "FaultPoints", "VirtualMedia", "USBMassStorage", "NBDProtocol", "BlockStorage", "WireFormat",
            ]),
        room("Simulation", "MessageBus", ["FaultPoints", "VirtualMedia", "DBusProtocol"]),
        room(
            "Simulation", "SimulatedHTTP",
            ["FaultPoints", "RemoteImages", "VirtualMedia", "BlockStorage", "HTTPRanges"]),

        // Rig: looks at the result from outside.
        room(
            "Rig", "HostObserver",
            ["USBMassStorage", "BlockStorage", "WireFormat", "COpenSSL", "Threads", "CLinux"]),
        room(
            "Rig", "Observation",
            ["HostObserver", "USBHost", "USBMassStorage", "Reports", "LinuxPlatform", "Threads"]),
        room(
            "Rig", "USBHost",
            ["HostObserver", "USBMassStorage", "Threads", "WireFormat", "CUSB", "CLinux"]),
        room(
            "Rig", "GoldenRecords",
            [
                "USBIPTransport", "USBIPProtocol", "USBMassStorage", "SimulatedBMC", "SimulatedTime",
                "LinuxPlatform", "KernelDevices", "VirtualMedia", "Threads", "WireFormat", "CLinux",
            ]),
        room(
            "Rig", "USBIPTransport",
            [
                "USBIPProtocol", "USBMassStorage", "SimulatedBMC", "NBDServer", "VirtualMedia", "Threads",
                "WireFormat", "CLinux",
            ]),
        room(
            "Rig", "RemoteStore",
            [
                "Certificates", "FaultPoints", "LinuxPlatform", "Threads", "HTTPRanges", "BlockStorage",
                "WireFormat", "CLinux", "COpenSSL",
            ]),
        room("Rig", "FaultyFiles", ["FaultPoints", "Threads"]),
        room("Rig", "FaultyMount", ["FaultyFiles", "Threads", "CFuse", "CLinux"]),
        room(
            "Rig", "StoreService",
            [
                "FaultyFiles", "FaultyMount", "FaultPlan", "FaultPoints", "RunLog", "RemoteStore",
                "Certificates",
                "HTTPRanges", "Threads", "CLinux", .product(name: "Yams", package: "Yams"),
            ]),
        room(
            "Rig", "Verification",
            [
                "HostObserver", "USBMassStorage", "RemoteStore", "Certificates", "SimulatedBMC", "BusServer",
                "MessageBus", "USBIPTransport",
                "ImageSources", "RemoteImages", "HTTPRanges",
                "LinuxPlatform", "VirtualMedia", "Capabilities", "NBDServer", "BlockStorage", "DBusProtocol",
                "WireFormat",
            ]),

        room(
            "Rig", "BusServer",
            ["LinuxPlatform", "MessageBus", "DescriptorPassing", "DBusProtocol", "WireFormat", "CLinux"]),
        room(
            "Rig", "EmulatedFleet",
            [
                "Verification", "HTTPTransport", "WebFront", "RedfishServer", "FrontPlatform", "BusServer",
                "MessageBus", "HostObserver", "SimulatedBMC", "USBMassStorage", "ImageSources",
                "RemoteImages", "USBIPTransport", "NBDServer",
                "LinuxPlatform", "VirtualMedia", "DBusProtocol",
            ]),
        room(
            "Rig", "ImageAttachment",
            [
                "FrontPlatform", "HTTPTransport", "WebFront", "NBDServer", "BlockStorage", "LinuxPlatform",
                "VirtualMedia", "WireFormat", "CLinux",
            ]),
        room("Rig", "RunLog"),
        room(
            "Rig", "Scenarios",
            [
                "FaultPlan", "FaultPoints", "RunLog", "HostObserver", "USBMassStorage", "VirtualMedia",
                "SimulatedTime",
                .product(name: "Yams", package: "Yams"),
            ]),
        room("Rig", "Sharding"),
        room("Rig", "Reports", ["RunLog", "HostObserver"]),
        room("Rig", "Artefacts", ["Reports", "Sharding", "RunLog", "CLinux"]),
        room("Rig", "FaultPlan", ["FaultPoints", "SimulatedTime", "RunLog"]),
        room("Rig", "Weaknesses", ["VirtualMedia", "BlockStorage", "DBusProtocol"]),
        room(
            "Rig", "Worlds",
            [
                "Weaknesses", "Scenarios", "FaultPlan", "HostObserver", "USBMassStorage", "SimulatedBMC",
                "SimulatedTime",
                "SimulatedNetwork", "SimulatedHTTP", "RemoteImages", "HTTPRanges", "MessageBus",
                "FaultPoints", "RunLog", "VirtualMedia", "BlockStorage", "DBusProtocol",
            ]),
        room(
            "Rig", "Runs",
            [
                "Worlds", "Weaknesses", "Scenarios", "FaultPlan", "FaultPoints", "RunLog", "HostObserver",
                "SimulatedTime",
                "Sharding", "Threads", "VirtualMedia", "BlockStorage", "DBusProtocol", "USBMassStorage",
                "WireFormat",
            ]),
        room(
            "Rig", "RealTime",
            [
                "KernelDevices", "VirtualMachine", "Runs", "Worlds", "Scenarios", "FaultPlan", "FaultPoints",
                "RunLog", "HostObserver", "StoreService", "FaultyFiles", "RemoteStore", "Certificates",
                "HTTPRanges", "RemoteImages", "ImageSources",
                "BusServer", "MessageBus", "SimulatedBMC", "SimulatedNetwork", "SimulatedTime",
                "LinuxPlatform",
                "DescriptorPassing", "Threads", "WireFormat", "CLinux",
                "NBDServer", "VirtualMedia", "BlockStorage", "DBusProtocol", "USBMassStorage",
            ]),
        room("Rig", "Benchmarks", ["SimulatedTime", "VirtualMedia"]),
        room(
            "Rig", "PortContracts",
            [
                "KernelDevices", "SimulatedBMC", "LinuxPlatform", "NBDServer", "NBDProtocol", "BlockStorage",
                "VirtualMedia", "Reports",
            ]),
        room("Rig", "Capabilities"),
        room("Rig", "Mortality", ["VirtualMedia"]),
        room(
            "Rig", "VirtualMachine",
            [
                "GuestControl", "GuestImage", "WireFormat", "Threads", "CLinux", "COpenSSL",
                .product(name: "Yams", package: "Yams"),
            ]),

        // Commands: thin mains.
        .executableTarget(
            name: "virtual-mediad",
            dependencies: [
                "MediaDaemon", "DaemonShell", "KernelDevices", "VirtualMedia",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/Commands/virtual-mediad", swiftSettings: settings),
        .executableTarget(
            name: "mortal-mediad",
            dependencies: [
                "MediaDaemon", "DaemonShell", "Mortality", "VirtualMedia",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/Commands/mortal-mediad", swiftSettings: settings),
        .executableTarget(
            name: "redfishd",
            dependencies: [
                "RedfishDaemon", "DaemonShell",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/Commands/redfishd", swiftSettings: settings),
        .executableTarget(
            name: "mediarig",
            dependencies: [
                "EmulatedFleet", "ImageAttachment", "HTTPTransport", "FrontPlatform",
                "PortContracts", "KernelDevices",
                "StoreService",
                "VirtualMachine", "Runs", "Weaknesses", "RealTime", "RunLog", "Sharding", "SimulatedTime",
                "Scenarios",
                "Artefacts",
                "Reports",
                "Verification", "Benchmarks", "RemoteStore", "Certificates", "BusServer", "MessageBus",
                "GoldenRecords",
                "Observation", "USBHost",
                "FaultPlan",
                "NBDServer",
                "ImageSources", "RemoteImages",
                "LinuxPlatform", "VirtualMedia", "Capabilities", "BlockStorage", "CLinux", "Threads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/Commands/mediarig", swiftSettings: settings),

        .target(
            name: "TestSupport", dependencies: ["WireFormat", "RunLog", "FaultPoints"],
            path: "Tests/TestSupport",
            swiftSettings: settings),
        tests("WireFormat", ["WireFormat"]),
        tests("NBDProtocol", ["NBDProtocol", "WireFormat"]),
        tests("DBusProtocol", ["DBusProtocol", "WireFormat"]),
        tests("USBMassStorage", ["USBMassStorage", "WireFormat"]),
        tests("USBIPProtocol", ["USBIPProtocol", "USBMassStorage", "WireFormat"]),
        tests(
            "USBIPTransport",
            [
                "USBIPTransport", "USBIPProtocol", "HostObserver", "SimulatedBMC", "USBMassStorage",
                "LinuxPlatform", "NBDServer", "VirtualMedia", "WireFormat",
            ]),
        tests("GoldenRecords", ["GoldenRecords", "USBMassStorage"]),
        tests("USBHost", ["USBHost", "USBMassStorage"]),
        tests("Observation", ["Observation", "HostObserver", "USBHost"]),
        tests("BlockStorage", ["BlockStorage", "CLinux"]),
        tests("NBDServer", ["NBDServer", "BlockStorage", "NBDProtocol"]),
        tests(
            "VirtualMedia",
            [
                "VirtualMedia", "SimulatedTime", "SimulatedBMC", "FaultPoints", "HostObserver",
                "BlockStorage",
                "NBDProtocol", "DBusProtocol",
            ]),
        tests("LinuxPlatform", ["LinuxPlatform", "VirtualMedia", "BlockStorage"]),
        tests(
            "RedfishServer",
            [
                "RedfishServer", "MessageBus", "Worlds", "Scenarios", "FaultPlan", "FaultPoints", "RunLog",
                "SimulatedBMC",
                "SimulatedTime", "VirtualMedia", "DBusProtocol",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests("Certificates", ["Certificates", "RemoteStore"]),
        tests(
            "HTTPTransport",
            [
                "HTTPTransport", "WebFront", "Certificates", "WireFormat",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests(
            "WebFront",
            ["WebFront", .product(name: "HTTPTypes", package: "swift-http-types")]),
        tests(
            "EmulatedFleet",
            [
                "EmulatedFleet", "FrontPlatform", "HTTPTransport", "USBIPTransport", "USBIPProtocol",
                "USBMassStorage",
                "HostObserver", "NBDServer", "VirtualMedia",
            ]),
        .testTarget(
            name: "ImageAttachmentTests",
            dependencies: [
                "TestSupport",
                "ImageAttachment", "EmulatedFleet", "FrontPlatform", "HTTPTransport", "WebFront",
                "BlockStorage",
                "LinuxPlatform", "HostObserver", "SimulatedBMC", "USBMassStorage", "VirtualMedia",
            ], path: "Tests/ImageAttachmentTests", exclude: ["nbd_bridge.py"], swiftSettings: settings),
        .testTarget(
            name: "FrontPageTests",
            dependencies: [
                "TestSupport", "EmulatedFleet", "HTTPTransport", "HostObserver", "SimulatedBMC",
                "USBMassStorage", "RemoteStore", "HTTPRanges", "Certificates", "LinuxPlatform",
                "VirtualMedia",
                "BlockStorage",
            ], path: "Tests/FrontPageTests",
            exclude: [
                "browser.py", "rate.py", "websocket_bridge.mjs", "nbd_on_socket.mjs", "modules_test.mjs",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RedfishClientsTests",
            dependencies: [
                "TestSupport", "RedfishServer", "FrontPlatform", "HTTPTransport", "WebFront",
                "DescriptorPassing", "LinuxPlatform", "Verification", "VirtualMedia", "BlockStorage",
                "DBusProtocol",
            ], path: "Tests/RedfishClientsTests",
            exclude: ["namespace.py", "sushy_client.py", "redfish_client.py", "ansible_client.sh"],
            swiftSettings: settings),
        tests("FrontPlatform", ["FrontPlatform", "RedfishServer"]),
        tests("RemoteImages", ["RemoteImages", "SimulatedTime", "VirtualMedia", "BlockStorage"]),
        tests(
            "ImageSources",
            [
                "ImageSources", "RemoteImages", "HTTPRanges", "VirtualMedia", "RemoteStore", "Certificates",
                "BlockStorage",
            ]),
        tests("SimulatedTime", ["SimulatedTime", "VirtualMedia"]),
        tests(
            "SimulatedBMC",
            [
                "FaultPoints", "SimulatedBMC", "SimulatedNetwork", "SimulatedTime", "VirtualMedia",
                "USBMassStorage", "NBDProtocol", "BlockStorage", "NBDServer", "LinuxPlatform",
            ]),
        tests(
            "MessageBus",
            ["MessageBus", "FaultPoints", "SimulatedTime", "VirtualMedia", "DBusProtocol"]),
        tests(
            "SimulatedHTTP",
            [
                "SimulatedHTTP", "SimulatedTime", "FaultPoints", "RemoteImages", "ImageSources",
                "RemoteStore", "Certificates",
                "VirtualMedia", "BlockStorage", "HTTPRanges",
            ]),
        tests("DescriptorPassing", ["DescriptorPassing"]),
        tests("Threads", ["Threads"]),
        tests("BusServer", ["BusServer", "MessageBus", "LinuxPlatform", "DBusProtocol"]),
        tests("Benchmarks", ["Benchmarks", "SimulatedTime"]),
        tests("Capabilities", ["Capabilities"]),
        tests(
            "HostObserver",
            [
                "HostObserver", "USBMassStorage", "BlockStorage", "FaultPoints", "SimulatedBMC",
                "SimulatedTime",
                "VirtualMedia",
            ]),
        tests("HTTPRanges", ["HTTPRanges"]),
        tests("PortContracts", ["PortContracts"]),
        tests("Netlink", ["Netlink", "WireFormat"]),
        tests("DaemonShell", ["DaemonShell", "DescriptorPassing"]),
        .testTarget(
            name: "RedfishDaemonTests",
            dependencies: [
                "TestSupport", "redfishd", "virtual-mediad", "RedfishDaemon", "Verification", "BusServer",
                "MessageBus", "SimulatedBMC", "LinuxPlatform", "VirtualMedia", "BlockStorage", "DBusProtocol",
            ], path: "Tests/RedfishDaemonTests", exclude: ["foreign_daemon.py"], swiftSettings: settings),
        tests(
            "MediaDaemon",
            [
                "virtual-mediad", "MediaDaemon", "DaemonShell", "LinuxPlatform", "DescriptorPassing",
                "VirtualMedia",
                "DBusProtocol",
            ]),
        tests("Mortality", ["Mortality", "SimulatedBMC", "LinuxPlatform", "VirtualMedia"]),
        tests(
            "KernelDevices", ["KernelDevices", "SimulatedBMC", "LinuxPlatform", "Netlink", "VirtualMedia"]),
        tests("RemoteStore", ["RemoteStore", "Certificates", "HTTPRanges", "BlockStorage"]),
        tests(
            "StoreService",
            ["StoreService", "FaultPlan", "FaultPoints", "FaultyFiles", "SimulatedTime"]),
        tests("FaultyFiles", ["FaultyFiles", "FaultPoints"]),
        tests("FaultyMount", ["FaultyMount", "FaultyFiles", "FaultPoints"]),
        tests("Verification", ["Verification", "HostObserver", "LinuxPlatform"]),
        tests(
            "EndToEnd",
            [
                "Verification", "HostObserver", "ImageSources", "RemoteImages", "RemoteStore", "Certificates",
                "SimulatedBMC",
                "HTTPRanges", "NBDServer", "VirtualMedia", "DBusProtocol", "BlockStorage",
            ]),
        tests(
            "SimulatedNetwork",
            [
                "SimulatedNetwork", "SimulatedTime", "FaultPoints", "VirtualMedia", "NBDServer",
                "NBDProtocol", "BlockStorage", "WireFormat", "LinuxPlatform", "SimulatedBMC",
            ]),
        tests("FaultPoints", ["FaultPoints"]),
        tests("RunLog", ["RunLog"]),
        tests("Weaknesses", ["Weaknesses", "Runs", "Scenarios", "RunLog", "VirtualMedia"]),
        tests("Worlds", ["Worlds", "Scenarios", "HostObserver"]),
        tests(
            "Runs",
            [
                "Runs", "Scenarios", "FaultPlan", "RunLog", "HostObserver", "SimulatedTime", "VirtualMedia",
                "DBusProtocol",
            ]),
        tests(
            "Scenarios",
            ["Scenarios", "FaultPlan", "FaultPoints", "RunLog", "HostObserver", "VirtualMedia"]),
        tests(
            "RealTime",
            [
                "RealTime", "Scenarios", "FaultPlan", "FaultPoints", "FaultyFiles", "RunLog", "HostObserver",
                "LinuxPlatform", "VirtualMedia",
            ]),
        tests("Sharding", ["Sharding"]),
        tests("Reports", ["Reports", "RunLog", "HostObserver"]),
        tests("Artefacts", ["Artefacts", "Reports", "Sharding", "RunLog"]),
        tests(
            "FaultPlan",
            [
                "FaultPlan", "FaultPoints", "SimulatedTime", "RunLog", "SimulatedBMC", "MessageBus",
                "SimulatedHTTP", "SimulatedNetwork", "FaultyFiles",
            ]),
        tests("GuestControl", ["GuestControl", "WireFormat"]),
        tests("GuestImage", ["GuestImage"]),
        tests("VirtualMachine", ["VirtualMachine", "GuestControl", "GuestImage", "Threads", "CLinux"]),
        tests("Tidy"),
    ],
    swiftLanguageModes: [.v6]
)
