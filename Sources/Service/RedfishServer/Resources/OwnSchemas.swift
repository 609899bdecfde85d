/// The CSDL of the types that are not DMTF's: what stands under Oem.
enum OwnSchemas {
    static func text(of name: String) -> String? {
        switch name {
        case "OpenBMCVirtualMedia": file(name, title: "what OpenBMC's clients read", openBMC)
        case "MediaRigVirtualMedia": file(name, title: "what a slot tells beside Redfish", mediaRig)
        default: nil
        }
    }

    private typealias Property = (name: String, type: String, meaning: String)

    private static let openBMC: [Property] = [
        ("WebSocketEndpoint", "Edm.String", "The path of the WebSocket on which a client serves the image.")
    ]

    private static let mediaRig: [Property] = [
        (
            "State", "Edm.String",
            "The state of the slot: Ready, Activating, Active, Recovering, Deactivating."
        ),
        ("Status", "Edm.String", "The state of the slot in words."),
        (
            "HostPresence", "Edm.String",
            "Whether a host uses the medium: present, absent, suspended, unknown."
        ),
        ("MediumKind", "Edm.String", "What the host sees: disk or cdrom."),
        ("MediumBytes", "Edm.Int64", "The size of the medium in bytes."),
        ("Controller", "Edm.String", "The USB device controller that the medium is bound to."),
        ("ReadBytes", "Edm.Int64", "Bytes read from the source in this mount."),
        ("WrittenBytes", "Edm.Int64", "Bytes written to the source in this mount."),
        (
            "RemainingInactivitySeconds", "Edm.Int64",
            "Seconds until an unused medium is ejected; 0 if it is not."
        ),
        ("LastError", "Edm.String", "Why the last mount failed or ended by itself; empty if it did not."),
        ("LastErrorCause", "Edm.String", "The same for programs."),
        ("LastErrorCode", "Edm.Int64", "The same as a number."),
        (
            "LastErrorMessage", "Edm.String",
            "The same as the message that a request would have been refused with."
        ),
        ("LastErrorResolution", "Edm.String", "What to do about it."),
        ("InsertedBy", "Edm.String", "The user whose medium it is; null if that is not known."),
        ("InsertedFrom", "Edm.String", "The address that the user inserted it from."),
    ]

    private static func file(_ name: String, title: String, _ properties: [Property]) -> String {
        let lines = properties.map { property in
            """
                    <Property Name="\(property.name)" Type="\(property.type)">
                      <Annotation Term="OData.Permissions" EnumMember="OData.Permission/Read"/>
                      <Annotation Term="OData.Description" String="\(property.meaning)"/>
                      <Annotation Term="OData.LongDescription" String="This property shall contain the following: \(property.meaning)"/>
                    </Property>
            """
        }.joined(separator: "\n")
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
              <edmx:Reference Uri="http://docs.oasis-open.org/odata/odata/v4.0/errata03/csd01/complete/vocabularies/Org.OData.Core.V1.xml">
                <edmx:Include Namespace="Org.OData.Core.V1" Alias="OData"/>
              </edmx:Reference>
              <edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/Resource_v1.xml">
                <edmx:Include Namespace="Resource"/>
                <edmx:Include Namespace="Resource.v1_0_0"/>
              </edmx:Reference>
              <edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml">
                <edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>
              </edmx:Reference>
              <edmx:DataServices>
                <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="\(name)">
                  <Annotation Term="Redfish.OwningEntity" String="MediaRig"/>
                  <ComplexType Name="VirtualMedia" Abstract="true" BaseType="Resource.OemObject">
                    <Annotation Term="OData.AdditionalProperties" Bool="true"/>
                    <Annotation Term="OData.Description" String="The type of \(title)."/>
                    <Annotation Term="OData.LongDescription" String="This type shall contain \(title)."/>
                  </ComplexType>
                </Schema>
                <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="\(name).v1_0_0">
                  <Annotation Term="Redfish.OwningEntity" String="MediaRig"/>
                  <ComplexType Name="VirtualMedia" BaseType="\(name).VirtualMedia">
                    <Annotation Term="OData.AdditionalProperties" Bool="false"/>
                    <Annotation Term="OData.Description" String="The properties of \(title)."/>
                    <Annotation Term="OData.LongDescription" String="These properties shall contain \(title)."/>
            \(lines)
                  </ComplexType>
                </Schema>
              </edmx:DataServices>
            </edmx:Edmx>

            """
    }
}
