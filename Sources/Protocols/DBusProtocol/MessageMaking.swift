extension Message {
    package static func methodCall(
        destination: String?, path: String, interface: String?, member: String, body: [Value] = []
    ) -> Message {
        var message = Message(kind: .methodCall)
        message.destination = destination
        message.path = path
        message.interface = interface
        message.member = member
        message.body = body
        return message
    }

    package static func signal(path: String, interface: String, member: String, body: [Value] = [])
        -> Message
    {
        var message = Message(kind: .signal)
        message.path = path
        message.interface = interface
        message.member = member
        message.body = body
        return message
    }

    /// The answer to a call, addressed to its sender.
    package static func methodReturn(to call: Message, body: [Value] = []) -> Message {
        var message = Message(kind: .methodReturn)
        message.flags = .noReplyExpected
        message.replySerial = call.serial
        message.destination = call.sender
        message.body = body
        return message
    }

    package static func error(to call: Message, _ error: BusError) -> Message {
        var message = Message(kind: .error)
        message.flags = .noReplyExpected
        message.replySerial = call.serial
        message.destination = call.sender
        message.errorName = error.name
        message.body = [.string(error.message)]
        return message
    }

    /// Whether this is a call whose caller waits for an answer.
    package var expectsReply: Bool { kind == .methodCall && !flags.contains(.noReplyExpected) }

    /// The error that an error message carries.
    package var busError: BusError? {
        guard kind == .error else { return nil }
        if case .string(let text)? = body.first {
            return BusError(errorName ?? ErrorName.failed, text)
        }
        return BusError(errorName ?? ErrorName.failed, "")
    }
}
