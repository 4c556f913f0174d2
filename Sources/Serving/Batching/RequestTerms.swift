/// Terms on which a request waits and runs: whose turn it takes, how urgent it is, and until when it is wanted.
public struct RequestTerms: Sendable, Equatable {
    /// Class of a request, of which the more urgent runs first.
    public enum Priority: String, CaseIterable, Sendable {
        /// Somebody waits for the answer.
        case interactive
        /// Runs in what interactive requests leave.
        case batch

        /// Place among the classes, the most urgent first.
        var rank: Int { Self.allCases.firstIndex(of: self)! }
    }

    /// Who the turn is counted for; nil counts the request for itself.
    public var caller: Caller?
    /// Class of the request.
    public var priority: Priority
    /// Time from its arrival until all rows must have run, or, of a stream, from one block to the next; nil waits for ever.
    public var deadline: Duration?
    /// Whether the caller itself named the deadline: then it keeps its place in line under overload, too.
    public var isPromised: Bool
    /// Whether every block that has run gives the rest another ``deadline``.
    public var isStream: Bool
    /// Time of a thread that was spent on the request before it came, for one, to decode its images; counts for its caller's turn.
    public var spent = Duration.zero

    /// Terms of an interactive request without a deadline, unless said otherwise.
    public init(
        caller: Caller? = nil, priority: Priority = .interactive, deadline: Duration? = nil, isPromised: Bool = false,
        isStream: Bool = false
    ) {
        self.caller = caller
        self.priority = priority
        self.deadline = deadline
        self.isPromised = isPromised
        self.isStream = isStream
    }
}
