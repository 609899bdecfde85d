/// Limits that the D-Bus specification sets on every message.
package enum WireLimits {
    /// A whole message, header and padding included ("Message Format"): 128 MiB.
    package static let messageBytes = 134_217_728
    /// The marshalled elements of one array ("Marshalling"): 64 MiB.
    package static let arrayBytes = 67_108_864
    /// A signature ("Valid Signatures").
    package static let signatureBytes = 255
    /// Arrays in arrays, structures in structures, each ("Valid Signatures").
    package static let nesting = 32
    /// Containers of any kind in a value, variants included.
    package static let totalNesting = 64
    /// Bus, interface, error and member names ("Valid Names").
    package static let nameBytes = 255
    /// Fixed part of a header: order, type, flags, version, body length, serial, field array length.
    package static let fixedHeaderBytes = 16
    /// Descriptors that one `sendmsg` can carry (Linux, SCM_MAX_FD).
    package static let descriptors = 253
}
