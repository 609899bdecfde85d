/// Checks and plans a command as the specifications have it: the command is looked at first, and the
/// data stage is judged by what it would really move.
struct StrictInterpreter {
    static func plan(_ wrapper: CommandBlockWrapper, for unit: inout LogicalUnit?, units: [LogicalUnit?])
        -> CommandPlan
    {
        KernelInterpreter.plan(wrapper, for: &unit)
    }
}
