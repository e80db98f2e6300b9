import Core

extension FailureClass {
    /// The class of a failure that an agent reported in words.
    ///
    /// Total and pure, but not for use in folding: the class is determined once, where the frame comes in, and recorded;
    /// these rules may improve without changing what was recorded under older ones. Texts never say `storage` or
    /// `lost`, which only the server can conclude.
    ///
    /// - Parameter text: `error_message` of a reference agent or of ours, before or after redaction.
    public init(errorMessage text: String) {
        self = Self.rules.first { $0.applies(to: text) }?.conclusion ?? .unknown
    }

    /// First match wins. Texts begin with the stage that failed: so reference agents (v0.1.0, as recorded) write them,
    /// and our own agent too.
    private static let rules: [Rule] = [
        // A dying connection cancels whatever the run was doing, so this comes before all stages.
        Rule(.prefix("interrupted:"), .disconnect),  // our agent: restarted during the run
        Rule(.infix("context canceled"), .disconnect),
        Rule(.infix("signal: killed"), .disconnect),
        Rule(.infix("signal: interrupt"), .disconnect),

        // Before the time limits: a time-out of the store or of the way to it says nothing about the job.
        Rule(.prefix("upload:"), .upload),
        // Our agent: the target as configured cannot be read, whatever the database's own words about it.
        Rule(.prefix("pipeline: target:"), .configuration),

        Rule(.infix("context deadline exceeded"), .timeout),
        Rule(.infix("timed out"), .timeout),

        Rule(.prefix("pipeline: unknown job_id"), .configuration),
        Rule(.prefix("pipeline: unknown target"), .configuration),
        Rule(.prefix("pipeline: no driver registered"), .configuration),
        Rule(.prefix("pipeline: hooks:"), .configuration),  // our agent: not allowed on its host, or too many
        Rule(.infix("missing upload credentials"), .configuration),
        Rule(.prefix("pipeline: unwrap DEK"), .configuration),
        // Before the stages: a missing tool shows up while validating.
        Rule(.infix("executable file not found"), .configuration),
        Rule(.infix("installed?)"), .configuration),

        Rule(.prefix("pipeline: validate stage"), .source),
        Rule(.prefix("validate stage"), .source),
        Rule(.prefix("smoke:"), .source),
        Rule(.prefix("dump:"), .source),
        Rule(.prefix("pipeline: pre_hook["), .source),
        Rule(.prefix("pipeline: post_hook["), .source),
        Rule(.infix("hook exited"), .source),
    ]

    private struct Rule: Sendable {
        enum Pattern: Sendable {
            case prefix(String)
            case infix(String)
        }
        let pattern: Pattern
        let conclusion: FailureClass

        init(_ pattern: Pattern, _ conclusion: FailureClass) {
            self.pattern = pattern
            self.conclusion = conclusion
        }

        func applies(to text: String) -> Bool {
            switch pattern {
            case .prefix(let words): text.utf8.starts(with: words.utf8)
            case .infix(let words): FailureClass.contains(text, words)
            }
        }
    }

    /// By bytes: `String.contains` would compare characters up to canonical equivalence, slowly.
    private static func contains(_ text: String, _ words: String) -> Bool {
        var rest = text.utf8[...]
        while let first = words.utf8.first, let found = rest.firstIndex(of: first) {
            if rest[found...].starts(with: words.utf8) { return true }
            rest = rest[rest.index(after: found)...]
        }
        return false
    }
}
