/// What a caller asks to be mounted.
package struct MountRequest: Sendable {
    /// Empty in Proxy mode: the client serves the image on the slot's socket.
    package var imageURL: String
    package var credentials: Credentials?
    /// In Proxy mode what the export allows decides as well.
    package var isReadWrite: Bool
    package var kind: MediumKind
    /// PEM: who may vouch for the server, instead of those that the BMC trusts; `nil` for those.
    package var authorities: String?
    /// Whether the server may have one of the BMC's own addresses.
    package var allowsLocalAddresses: Bool

    package init(
        imageURL: String = "", credentials: Credentials? = nil, isReadWrite: Bool, kind: MediumKind,
        authorities: String? = nil, allowsLocalAddresses: Bool = true
    ) {
        self.allowsLocalAddresses = allowsLocalAddresses
        self.authorities = authorities
        self.imageURL = imageURL
        self.credentials = credentials
        self.isReadWrite = isReadWrite
        self.kind = kind
    }
}
