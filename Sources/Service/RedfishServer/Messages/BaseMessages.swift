/// The messages of DMTF's Base registry that this service uses. Texts, severities and argument counts are the
/// registry's; a test compares them. The resolutions are ours.
extension MessageDefinition {
    package static let baseRegistryVersion = "1.22.1"

    private static func base(
        _ key: String, _ argumentCount: Int, _ severity: Severity, _ status: Int, _ text: String,
        _ resolution: String
    ) -> MessageDefinition {
        MessageDefinition(
            registry: "Base.1.22", key: key, text: text, argumentCount: argumentCount, severity: severity,
            status: status, resolution: resolution)
    }

    static let success = base(
        "Success", 0, .ok, 200, "The request completed successfully.", "None.")
    static let created = base("Created", 0, .ok, 201, "The resource was created successfully.", "None.")
    static let generalError = base(
        "GeneralError", 0, .critical, 400,
        "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo if Resolution is not provided.",
        "See @Message.ExtendedInfo.")
    static let noOperation = base(
        "NoOperation", 0, .warning, 400,
        "The request body submitted contain no data to act upon and no changes to the resource took place.",
        "Name at least one property to change.")
    static let propertyDuplicate = base(
        "PropertyDuplicate", 1, .warning, 400, "The property %1 was duplicated in the request.",
        "Send the property once.")
    static let propertyUnknown = base(
        "PropertyUnknown", 1, .warning, 400,
        "The property %1 is not in the list of valid properties for the resource.",
        "Leave the property out.")
    static let propertyValueTypeError = base(
        "PropertyValueTypeError", 2, .warning, 400,
        "The value '%1' for the property %2 is not a type that the property can accept.",
        "Send a value of the type that the schema names.")
    static let propertyValueFormatError = base(
        "PropertyValueFormatError", 2, .warning, 400,
        "The value '%1' for the property %2 is not a format that the property can accept.",
        "Send a value in the format that the schema names.")
    static let propertyValueNotInList = base(
        "PropertyValueNotInList", 2, .warning, 400,
        "The value '%1' for the property %2 is not in the list of acceptable values.",
        "Choose one of the allowable values.")
    static let propertyValueOutOfRange = base(
        "PropertyValueOutOfRange", 2, .warning, 400,
        "The value '%1' for the property %2 is not in the supported range of acceptable values.",
        "Choose a value inside the range.")
    static let propertyNotWritable = base(
        "PropertyNotWritable", 1, .warning, 400,
        "The property %1 is a read-only property and cannot be assigned a value.",
        "Leave the property out.")
    static let propertyMissing = base(
        "PropertyMissing", 1, .warning, 400,
        "The property %1 is a required property and must be included in the request.",
        "Include the property.")
    static let malformedJSON = base(
        "MalformedJSON", 0, .critical, 400,
        "The request body submitted was malformed JSON and could not be parsed by the receiving service.",
        "Send a JSON object, in UTF-8.")
    static let invalidJSON = base(
        "InvalidJSON", 1, .critical, 400,
        "The request body submitted is invalid JSON starting at line %1 and could not be parsed by the receiving service.",
        "Mend the body at that line.")
    static let actionNotSupported = base(
        "ActionNotSupported", 1, .critical, 400, "The action %1 is not supported by the resource.",
        "The Actions property of the resource lists what it can do.")
    static let actionParameterMissing = base(
        "ActionParameterMissing", 2, .critical, 400,
        "The action %1 requires the parameter %2 to be present in the request body.",
        "Include the parameter.")
    static let actionParameterDuplicate = base(
        "ActionParameterDuplicate", 2, .warning, 400,
        "The action %1 was submitted with more than one value for the parameter %2.",
        "Send the parameter once.")
    static let actionParameterUnknown = base(
        "ActionParameterUnknown", 2, .warning, 400,
        "The action %1 was submitted with the invalid parameter %2.", "Leave the parameter out.")
    static let actionParameterValueTypeError = base(
        "ActionParameterValueTypeError", 3, .warning, 400,
        "The value '%1' for the parameter %2 in the action %3 is not a type that the parameter can accept.",
        "Send a value of the type that the schema names.")
    static let actionParameterValueFormatError = base(
        "ActionParameterValueFormatError", 3, .warning, 400,
        "The value '%1' for the parameter %2 in the action %3 is not a format that the parameter can accept.",
        "Send a value in the format that the schema names.")
    static let actionParameterValueNotInList = base(
        "ActionParameterValueNotInList", 3, .warning, 400,
        "The value '%1' for the parameter %2 in the action %3 is not in the list of acceptable values.",
        "Choose one of the allowable values in the ActionInfo.")
    static let actionParameterValueConflict = base(
        "ActionParameterValueConflict", 2, .warning, 400,
        "The parameter '%1' with the requested value of '%2' does not meet the constraints of the implementation.",
        "Make the parameters agree with each other.")
    static let actionParameterValueError = base(
        "ActionParameterValueError", 2, .warning, 400,
        "The value for the parameter %1 in the action %2 is invalid.", "Send another value.")
    static let actionParameterNotSupported = base(
        "ActionParameterNotSupported", 2, .warning, 400,
        "The parameter %1 for the action %2 is not supported on the target resource.",
        "Leave the parameter out.")
    static let propertyValueError = base(
        "PropertyValueError", 1, .warning, 400, "The value provided for the property %1 is not valid.",
        "Send another value.")
    static let queryParameterValueError = base(
        "QueryParameterValueError", 1, .warning, 400, "The value for the parameter %1 is invalid.",
        "Send another value.")
    static let queryParameterValueTypeError = base(
        "QueryParameterValueTypeError", 2, .warning, 400,
        "The value '%1' for the query parameter %2 is not a type that the parameter can accept.",
        "Send a number.")
    static let queryParameterOutOfRange = base(
        "QueryParameterOutOfRange", 3, .warning, 400,
        "The value '%1' for the query parameter %2 is out of range %3.", "Choose a value inside the range.")
    static let queryNotSupportedOnResource = base(
        "QueryNotSupportedOnResource", 0, .warning, 400,
        "Querying is not supported on the requested resource.", "Leave the query parameters out.")
    static let queryNotSupportedOnOperation = base(
        "QueryNotSupportedOnOperation", 0, .warning, 400,
        "Querying is not supported with the requested operation.", "Leave the query parameters out.")
    static let queryParameterUnsupported = base(
        "QueryParameterUnsupported", 1, .warning, 501, "Query parameter '%1' is not supported.",
        "ProtocolFeaturesSupported of the service root lists what is.")
    static let queryCombinationInvalid = base(
        "QueryCombinationInvalid", 0, .warning, 400,
        "Two or more query parameters in the request cannot be used together.",
        "Leave one of them out.")
    static let sessionLimitExceeded = base(
        "SessionLimitExceeded", 0, .critical, 503,
        "The session establishment failed due to the number of simultaneous sessions exceeding the limit of the implementation.",
        "Delete sessions that are no longer needed.")
    static let createLimitReached = base(
        "CreateLimitReachedForResource", 0, .critical, 400,
        "The create operation failed because the resource has reached the limit of possible resources.",
        "Delete what is no longer needed.")
    static let resourceCannotBeDeleted = base(
        "ResourceCannotBeDeleted", 0, .critical, 400,
        "The delete request failed because the resource requested cannot be deleted.", "None.")
    static let resourceInUse = base(
        "ResourceInUse", 0, .warning, 409,
        "The change to the requested resource failed because the resource is in use or in transition.",
        "Wait until the request under way has ended.")
    static let resourceAlreadyExists = base(
        "ResourceAlreadyExists", 3, .critical, 400,
        "The requested resource of type %1 with the property %2 with the value '%3' already exists.",
        "Choose another value.")
    static let resourceNotFound = base(
        "ResourceNotFound", 2, .critical, 404,
        "The requested resource of type %1 named '%2' was not found.",
        "Follow links from the service root.")
    static let payloadTooLarge = base(
        "PayloadTooLarge", 0, .critical, 413,
        "The supplied payload exceeds the maximum size supported by the service.", "Send less.")
    static let invalidURI = base(
        "InvalidURI", 1, .critical, 404, "The URI %1 was not found.", "Follow links from the service root.")
    static let noValidSession = base(
        "NoValidSession", 0, .critical, 401,
        "There is no valid session established with the implementation.",
        "Create a session, or send user name and password.")
    static let accessUnauthorized = base(
        "AccessUnauthorized", 0, .critical, 401, "Unauthorized.", "Send the right user name and password.")
    static let accessForbidden = base(
        "AccessForbidden", 0, .critical, 403, "Forbidden.",
        "Send the request from our own page, with its token.")
    static let insufficientPrivilege = base(
        "InsufficientPrivilege", 0, .critical, 403,
        "There are insufficient privileges for the account or credentials associated with the current session to perform the requested operation.",
        "Use an account with a role that has the privilege.")
    static let accountModified = base(
        "AccountModified", 0, .ok, 200, "The account was successfully modified.", "None.")
    static let internalError = base(
        "InternalError", 0, .critical, 500,
        "The request failed due to an internal service error.  The service is still operational.",
        "Try again; if it fails again, look into the service's log.")
    static let unrecognizedRequestBody = base(
        "UnrecognizedRequestBody", 0, .warning, 400,
        "The service detected a malformed request body that it was unable to interpret.",
        "Send a JSON object.")
    static let accessDenied = base(
        "AccessDenied", 1, .critical, 403,
        "While attempting to establish a connection to '%1', the service denied access.",
        "Use a place that images may come from, or ask an administrator.")
    static let serviceTemporarilyUnavailable = base(
        "ServiceTemporarilyUnavailable", 1, .critical, 503,
        "The service is temporarily unavailable.  Retry in %1 seconds.", "Try again later.")
    static let stringValueTooLong = base(
        "StringValueTooLong", 2, .warning, 400, "The string '%1' exceeds the length limit %2.",
        "Send a shorter string.")
    static let passwordChangeRequired = base(
        "PasswordChangeRequired", 1, .critical, 403,
        "The password provided for this account must be changed before access is granted.  PATCH the Password property for this account located at the target URI '%1' to complete this process.",
        "Change the password of the account.")
    static let passwordIncorrectLength = base(
        "PasswordIncorrectLength", 0, .critical, 400,
        "The password provided for this account does not meet the password length requirements of the service.",
        "MinPasswordLength and MaxPasswordLength of the account service say how long it has to be.")
    static let preconditionFailed = base(
        "PreconditionFailed", 0, .critical, 412,
        "The ETag supplied did not match the ETag required to change this resource.",
        "Read the resource again and try with its ETag.")
    static let headerInvalid = base(
        "HeaderInvalid", 1, .critical, 400, "Header '%1' is invalid.", "Send a valid header.")
    static let headerMissing = base(
        "HeaderMissing", 1, .critical, 400, "Required header '%1' is missing in the request.",
        "Send the header.")
    static let operationNotAllowed = base(
        "OperationNotAllowed", 0, .critical, 405, "The HTTP method is not allowed on this resource.",
        "The Allow header lists the methods that are.")
    static let restrictedRole = base(
        "RestrictedRole", 1, .warning, 400,
        "The operation was not successful because the role '%1' is restricted.", "Choose another role.")
    static let propertyValueConflict = base(
        "PropertyValueConflict", 2, .warning, 400,
        "The property '%1' could not be written because its value would conflict with the value of the '%2' property.",
        "Make the properties agree with each other.")
    static let eventSubscriptionLimitExceeded = base(
        "EventSubscriptionLimitExceeded", 0, .critical, 503,
        "The event subscription failed due to the number of simultaneous subscriptions exceeding the limit of the implementation.",
        "Delete subscriptions that are no longer needed.")
    static let eventBufferExceeded = base(
        "EventBufferExceeded", 0, .warning, 503,
        "Undelivered events may have been lost due to exceeding the event buffer.",
        "Read the resources again.")

    /// All of the above, for the check against the registry.
    package static let allBase: [MessageDefinition] = [
        success, created, generalError, noOperation, propertyDuplicate, propertyUnknown,
        propertyValueTypeError, propertyValueFormatError, propertyValueNotInList, propertyValueOutOfRange,
        propertyNotWritable, propertyMissing, malformedJSON, invalidJSON, actionNotSupported,
        actionParameterMissing, actionParameterDuplicate, actionParameterUnknown,
        actionParameterValueTypeError, actionParameterValueFormatError, actionParameterValueNotInList,
        actionParameterValueConflict, actionParameterValueError, actionParameterNotSupported,
        propertyValueError, queryParameterValueError, queryParameterValueTypeError, queryParameterOutOfRange,
        queryNotSupportedOnResource, queryNotSupportedOnOperation, queryParameterUnsupported,
        queryCombinationInvalid, sessionLimitExceeded, createLimitReached, resourceCannotBeDeleted,
        resourceInUse, resourceAlreadyExists, resourceNotFound, payloadTooLarge, invalidURI, noValidSession,
        accessUnauthorized, accessForbidden,
        insufficientPrivilege, accountModified, internalError, unrecognizedRequestBody, accessDenied,
        serviceTemporarilyUnavailable, stringValueTooLong, passwordChangeRequired, passwordIncorrectLength,
        preconditionFailed, headerInvalid, headerMissing, operationNotAllowed, restrictedRole,
        propertyValueConflict, eventSubscriptionLimitExceeded, eventBufferExceeded,
    ]
}
