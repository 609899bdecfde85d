import Glibc
import VirtualMedia

extension PortContract {
    private static let lun = ConfigFSRule.lun
    private static let function = ConfigFSRule.function

    /// What attributes say, and what one does to another.
    static let unitContracts: [PortContract] =
        [
            PortContract(.units, "a new function has the kernel's defaults") { subject in
                try await subject.perform(GadgetState.assembled.steps)
                let defaults = [
                    ("\(lun)/cdrom", "0"), ("\(lun)/ro", "0"), ("\(lun)/removable", "1"),
                    ("\(lun)/nofua", "0"), ("\(lun)/file", ""), ("\(lun)/inquiry_string", ""),
                    ("\(function)/stall", "0"), ("g1/UDC", ""), ("g1/configs/c.1/MaxPower", "2"),
                    ("g1/configs/c.1/bmAttributes", "0x80"), ("g1/max_speed", "super-speed-plus"),
                    ("g1/bDeviceClass", "0x00"), ("g1/bcdUSB", "0x0000"), ("g1/idVendor", "0x1d6b"),
                    ("g1/strings/0x409/product", ""), ("g1/strings/0x409/manufacturer", "OpenBMC"),
                ]
                for (path, value) in defaults {
                    try expect(try await subject.attribute(path), is: value, path)
                }
            },
            PortContract(.units, "the tree has the kernel's directories and attributes") { subject in
                try await subject.perform(GadgetState.assembled.steps)
                try expect(
                    try await subject.gadgets.list(lun),
                    is: ["cdrom", "file", "forced_eject", "inquiry_string", "nofua", "removable", "ro"],
                    "what is in lun.0")
                try expect(
                    try await subject.gadgets.list(function), is: ["lun.0", "lun.1", "stall"],
                    "what is in the function")
                try expect(
                    try await subject.gadgets.list("g1/configs/c.1"),
                    is: ["MaxPower", "bmAttributes", "mass_storage.0", "strings"], "what is in c.1")
            },
            PortContract(.units, "a disc is read-only, and says so at once") { subject in
                try await subject.perform(GadgetState.assembled.steps + [.write("\(lun)/cdrom", "1")])
                try expect(try await subject.attribute("\(lun)/ro"), is: "1", "ro")
            },
            PortContract(.units, "no longer a disc, it stays read-only") { subject in
                try await subject.perform(
                    GadgetState.assembled.steps + [
                        .write("\(lun)/cdrom", "1"), .write("\(lun)/cdrom", "0"),
                    ])
                try expect(try await subject.attribute("\(lun)/ro"), is: "1", "ro")
            },
            PortContract(.units, "an inquiry string is cut at 28 characters") { subject in
                try await subject.perform(
                    GadgetState.assembled.steps + [
                        .write("\(lun)/inquiry_string", "0123456789012345678901234567890123456789")
                    ])
                try expect(
                    try await subject.attribute("\(lun)/inquiry_string"),
                    is: "0123456789012345678901234567", "inquiry_string")
            },
            PortContract(.units, "a file is shown by its path, and gone once cleared") { subject in
                try await subject.perform(GadgetState.loaded.steps)
                try expect(
                    try await subject.attribute("\(lun)/file"), is: "\(subject.imageFolder)/disk.img", "file")
                try await subject.perform([.write("\(lun)/file", "")])
                try expect(try await subject.attribute("\(lun)/file"), is: "", "file")
            },
            PortContract(.units, "another file takes the place of the first without an eject") { subject in
                try await subject.perform(
                    GadgetState.boundLoaded.steps + [.write("\(lun)/file", "IMAGES/other.img")])
                try expect(
                    try await subject.attribute("\(lun)/file"), is: "\(subject.imageFolder)/other.img",
                    "file")
            },
            PortContract(.units, "a refused file leaves the one that was there") { subject in
                try await subject.perform(GadgetState.loaded.steps)
                for image in ["none.img", "empty.img", "short.img"] {
                    let path = "\(subject.imageFolder)/\(image)"
                    let found = await errorNumber { () throws(SystemError) in
                        try await subject.gadgets.write(path, to: "\(lun)/file")
                    }
                    try expect(found != 0, "\(image) was taken")
                    try expect(
                        try await subject.attribute("\(lun)/file"), is: "\(subject.imageFolder)/disk.img",
                        "file after \(image)")
                }
            },
            PortContract(.units, "a forced eject empties the unit, with and without a file") { subject in
                try await subject.perform(
                    GadgetState.boundLoaded.steps + [
                        .write("\(lun)/forced_eject", "1"), .write("\(lun)/forced_eject", "1"),
                    ])
                try expect(try await subject.attribute("\(lun)/file"), is: "", "file")
                try expect(
                    try await subject.attribute("g1/UDC"), is: subject.controllerNames[0], "UDC")
            },
        ]
        + [
            ("disc.img", "1", 0), ("small-disc.img", "1", 525), ("small-disc.img", "0", 0),
            ("block.img", "0", 0),
            ("odd.img", "0", 0), ("short.img", "0", 525),
        ].map { (image, cdrom, wanted) in
            PortContract(
                .units, "\(image) with cdrom \(cdrom) \(wanted == 0 ? "is taken" : "is too small")"
            ) { subject in
                try await subject.perform(
                    GadgetState.assembled.steps + [.write("\(lun)/cdrom", cdrom)])
                let found = await errorNumber { () throws(SystemError) in
                    try await subject.gadgets.write("\(subject.imageFolder)/\(image)", to: "\(lun)/file")
                }
                try expect(ErrnoNames.name(found), is: ErrnoNames.name(CInt(wanted)), "writing \(image)")
            }
        }
}
