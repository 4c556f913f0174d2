public import Metrics

/// Limits of the API, each with its default.
public struct APIOptions: Sendable {
    /// Version that `/health` reports.
    public var version: String
    /// Images of one `/logprob` request times its `samples`.
    public var maxRequestRows = 256
    /// Images of one `/sample` request.
    public var maxSampleCount = 256
    /// `samples` of `/logprob`.
    public var maxImportanceSamples = 64
    /// Bytes of a body that holds one PNG or JPEG, and least limit of one that holds many.
    public var maxImageBytes = 8 << 20
    /// Bytes of any body, however large the model's images are.
    public var maxBodyBytes = 64 << 20
    /// Pixels of the encoded images of one request, added up; only with `fit`, since others must have the model's size.
    public var maxRequestPixels = 1 << 25
    /// From the whole request until its rows must have run.
    public var requestTimeout = Duration.seconds(30)
    /// Larger bodies are decoded, and larger answers coded, on helper threads.
    public var inlineBytes = 64 << 10
    /// Shorter answers are sent without a content coding; nil: all are, but to a client that takes no other.
    public var leastCodedBytes: Int? = 1024
    /// What is asked of requests that a web page may have made.
    public var browsers = BrowserRules()
    /// Those that a key file lists; without one every route but administration is open.
    public var keys: KeyRing?
    /// What the program counts, for `GET /admin/status`.
    public var metrics = MetricSet()
    /// Told of each request when it is over, in this order.
    public var observers: [any ExchangeObserver] = []
    /// Called with what clients are not told of an internal error.
    public var report: @Sendable (String) -> Void

    /// Rows of the largest request that these limits let through; the service's queue must have room for it.
    public var largestRequestRows: Int { max(maxRequestRows, maxSampleCount) }

    public init(version: String, report: @escaping @Sendable (String) -> Void) {
        self.version = version
        self.report = report
    }
}
