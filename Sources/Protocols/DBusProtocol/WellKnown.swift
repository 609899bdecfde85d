/// Names that the D-Bus specification itself gives.
package enum WellKnown {
    package static let bus = "org.freedesktop.DBus"
    package static let busPath = "/org/freedesktop/DBus"
    /// Never on a wire: libraries use them for events that they make up themselves.
    package static let localPath = "/org/freedesktop/DBus/Local"
    package static let localInterface = "org.freedesktop.DBus.Local"
    package static let peer = "org.freedesktop.DBus.Peer"
    package static let introspectable = "org.freedesktop.DBus.Introspectable"
    package static let properties = "org.freedesktop.DBus.Properties"
    package static let objectManager = "org.freedesktop.DBus.ObjectManager"
    package static let monitoring = "org.freedesktop.DBus.Monitoring"
}

/// Error names that dbus-daemon and the client libraries use.
package enum ErrorName {
    private static let prefix = "org.freedesktop.DBus.Error."
    package static let failed = prefix + "Failed"
    package static let noMemory = prefix + "NoMemory"
    package static let serviceUnknown = prefix + "ServiceUnknown"
    package static let nameHasNoOwner = prefix + "NameHasNoOwner"
    package static let noReply = prefix + "NoReply"
    package static let ioError = prefix + "IOError"
    package static let badAddress = prefix + "BadAddress"
    package static let notSupported = prefix + "NotSupported"
    package static let limitsExceeded = prefix + "LimitsExceeded"
    package static let accessDenied = prefix + "AccessDenied"
    package static let authFailed = prefix + "AuthFailed"
    package static let noServer = prefix + "NoServer"
    package static let timeout = prefix + "Timeout"
    package static let disconnected = prefix + "Disconnected"
    package static let invalidArguments = prefix + "InvalidArgs"
    package static let fileNotFound = prefix + "FileNotFound"
    package static let unknownMethod = prefix + "UnknownMethod"
    package static let unknownObject = prefix + "UnknownObject"
    package static let unknownInterface = prefix + "UnknownInterface"
    package static let unknownProperty = prefix + "UnknownProperty"
    package static let propertyReadOnly = prefix + "PropertyReadOnly"
    package static let matchRuleNotFound = prefix + "MatchRuleNotFound"
    package static let matchRuleInvalid = prefix + "MatchRuleInvalid"
    package static let invalidSignature = prefix + "InvalidSignature"
    package static let inconsistentMessage = prefix + "InconsistentMessage"
    package static let interactiveAuthorizationRequired = prefix + "InteractiveAuthorizationRequired"
}
