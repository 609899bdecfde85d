import Testing

@testable import RedfishDaemon

struct SettingsReaderTests {
    private func read(_ text: String) -> Result<RedfishDaemonSettings, SettingsReader.Problem> {
        var settings = RedfishDaemonSettings()
        return Result { () throws(SettingsReader.Problem) in
            try SettingsReader.read(Array(text.utf8), file: "f", into: &settings)
            return settings
        }
    }

    @Test func `an empty object changes nothing`() throws {
        let settings = try read("{}").get()
        #expect(settings.port == 443 && settings.imageSources.schemes == ["https": "HTTPS"])
    }

    @Test func `every key is taken over`() throws {
        let settings = try read(
            """
            {"Address": "::1", "Port": 8443, "Bus": "unix:path=/b", "State": "/s", "Certificate": "/c", "Key": "/k",
             "Names": ["a", "b"], "HostName": "h", "SystemId": "sys", "ManagerId": "man", "FirmwareVersion": "2.1",
             "MediaBusName": "org.example.Media", "MediaRootPath": "/org/example", "ShortWaitSeconds": 1,
             "ImageSources": {"Schemes": ["https", "smb"], "AllowedHosts": [".example"], "RefusedHosts": ["x"],
                              "AdministratorsMayUseLocalAddresses": false},
             "Sessions": {"TimeoutSeconds": 60, "Maximum": 5, "MaximumPerUser": 2}, "Connections": 9,
             "EventAuthorities": "/e"}
            """
        ).get()
        #expect(
            settings.address == "::1" && settings.port == 8443 && settings.bus == .address("unix:path=/b"))
        #expect(settings.stateFolder == "/s" && settings.certificateFile == "/c" && settings.keyFile == "/k")
        #expect(settings.names == ["a", "b"] && settings.hostName == "h" && settings.systemID == "sys")
        #expect(settings.managerID == "man" && settings.firmwareVersion == "2.1")
        #expect(settings.mediaBusName == "org.example.Media" && settings.mediaRootPath == "/org/example")
        #expect(settings.imageSources.schemes == ["https": "HTTPS", "smb": "CIFS"])
        #expect(settings.imageSources.allowedHosts == [".example"])
        #expect(settings.imageSources.refusedHosts == ["x"])
        #expect(!settings.imageSources.letsAdministratorsUseLocalAddresses)
        #expect(settings.sessionTimeoutSeconds == 60 && settings.maximumSessions == 5)
        #expect(settings.maximumSessionsPerUser == 2 && settings.shortWaitSeconds == 1)
        #expect(settings.limits.connections == 9 && settings.eventAuthorities == "/e")
    }

    static let mistakes: [(String, String)] = [
        ("[]", "f:1:1: found an array; write an object"), ("{", "f:1:2: "),
        (#"{"Port": 70000}"#, "f:1:10: Port: found the number 70000; write a whole number from 0 to 65535"),
        (#"{"Port": 1, "Port": 2}"#, "f:1:13: Port is there twice"),
        (#"{"port": 1}"#, "f:1:2: port is not known"),
        (#"{"Address": ""}"#, "Address: found a string"), (#"{"Names": "a"}"#, "Names: found a string"),
        (#"{"Names": [1]}"#, "f:1:12: Names: found the number 1"),
        (#"{"ImageSources": {"Schemes": ["ftp"]}}"#, "ImageSources.Schemes: 'ftp' is not known"),
        (#"{"ImageSources": {"AdministratorsMayUseLocalAddresses": 1}}"#, "write true or false"),
        (#"{"Sessions": 7}"#, "f:1:14: Sessions: found the number 7; write an object"),
        (#"{"Sessions": {"Max": 1}}"#, "Sessions.Max is not known"),
        (#"{"Certificate": "/c"}"#, "belong together"), (#"{"Key": "/k"}"#, "belong together"),
        (#"{"Sessions": {"TimeoutSeconds": 29}}"#, "from 30 to 86400"),
        (#"{"Sessions": {"TimeoutSeconds": 30.5}}"#, "from 30 to 86400"),
    ]

    @Test(arguments: mistakes.indices)
    func `each mistake is shown where it is`(index: Int) {
        let (text, complaint) = Self.mistakes[index]
        guard case .failure(let problem) = read(text) else {
            Issue.record("\(text) was taken")
            return
        }
        #expect(problem.description.contains(complaint), "\(problem)")
    }

    @Test func `every mistake is shown, not only the first`() {
        guard case .failure(let problem) = read(#"{"Port": -1, "Address": 7, "Nonsense": 1}"#) else { return }
        #expect(problem.lines.count == 3)
    }
}
