/// Numbers of USB 2.0 chapter 9, USB 3.2 chapter 9 and the Bulk-Only Transport.
package enum DescriptorType {
    package static let device: UInt8 = 1
    package static let configuration: UInt8 = 2
    package static let string: UInt8 = 3
    package static let interface: UInt8 = 4
    package static let endpoint: UInt8 = 5
    package static let deviceQualifier: UInt8 = 6
    package static let otherSpeedConfiguration: UInt8 = 7
    package static let binaryObjectStore: UInt8 = 15
    package static let deviceCapability: UInt8 = 16
    package static let endpointCompanion: UInt8 = 48
}

package enum StandardRequest {
    package static let getStatus: UInt8 = 0
    package static let clearFeature: UInt8 = 1
    package static let setFeature: UInt8 = 3
    package static let setAddress: UInt8 = 5
    package static let getDescriptor: UInt8 = 6
    package static let getConfiguration: UInt8 = 8
    package static let setConfiguration: UInt8 = 9
    package static let getInterface: UInt8 = 10
    package static let setInterface: UInt8 = 11
    package static let setSystemExitLatency: UInt8 = 48
    package static let setIsochronousDelay: UInt8 = 49
}

package enum ClassRequest {
    package static let getMaximumLUN: UInt8 = 0xFE
    package static let bulkOnlyReset: UInt8 = 0xFF
}

/// bmRequestType values that a mass-storage device and its host use.
package enum RequestType {
    package static let deviceOut: UInt8 = 0x00
    package static let interfaceOut: UInt8 = 0x01
    package static let endpointOut: UInt8 = 0x02
    package static let classInterfaceOut: UInt8 = 0x21
    package static let deviceIn: UInt8 = 0x80
    package static let interfaceIn: UInt8 = 0x81
    package static let endpointIn: UInt8 = 0x82
    package static let classInterfaceIn: UInt8 = 0xA1
}

package enum FeatureSelector {
    package static let endpointHalt: UInt16 = 0
    package static let remoteWakeup: UInt16 = 1
    package static let u1Enable: UInt16 = 48
    package static let u2Enable: UInt16 = 49
}

package enum LanguageID {
    package static let englishUnitedStates: UInt16 = 0x0409
}

/// bInterfaceClass, bInterfaceSubClass and bInterfaceProtocol of SCSI over Bulk-Only Transport.
package enum MassStorageInterface {
    package static let classCode: UInt8 = 0x08
    package static let scsiTransparent: UInt8 = 0x06
    package static let bulkOnly: UInt8 = 0x50
}
