import FlowModels
public import Imaging
public import Metrics

/// Limits of the API, each with its default.
public struct APIOptions: Sendable {
    /// Version that `/health` reports.
    public var version: String
    /// Most rows of one `/logprob` request: its images times its `samples`.
    public var maxRequestRows = 256
    /// Most images of one `/sample` request.
    public var maxSampleCount = 256
    /// Largest `samples` of one `/logprob` request.
    public var maxImportanceSamples = 64
    /// Most `steps` of one `/interpolate` request.
    public var maxInterpolationSteps = 64
    /// Most `particles` of one `/complete` request; at most ``CompletionRow/mostParticles``.
    public var maxCompletionParticles = CompletionRow.mostParticles
    /// Most `moves` of one `/complete` request.
    public var maxCompletionMoves = 2000
    /// Most bytes of a body that holds one PNG or JPEG, of a line of one that has a line an image, and least limit of one that holds
    /// many.
    public var maxImageBytes = 8 << 20
    /// Most images of a body of lines that are scored together; no more than ``maxRequestRows`` by their `samples`.
    public var streamBlockImages = 64
    /// Most bytes of a streamed answer that are made before the client takes them; until then it may send without reading.
    public var maxStreamBacklog = 16 << 20
    /// Most bytes of any body, however large the model's images are.
    public var maxBodyBytes = 64 << 20
    /// Bounds of one encoded image; without `fit` it must have the model's size besides. Encoders write ten scans or fewer of
    /// their own accord, so the default lets through what people have.
    public var imageLimits = DecodeLimits(scans: 32)
    /// Most pixels of the encoded images of one request, added up; only with `fit`, since others must have the model's size.
    public var maxRequestPixels = 1 << 25
    /// Most pixels times scans of the encoded images of one request, added up. The default lets through a progressive
    /// photograph of 16 megapixels and ten scans.
    public var maxRequestScannedPixels = 1 << 28
    /// Time from the whole request until its rows must have run.
    public var requestTimeout = Duration.seconds(30)
    /// Time for which work may run without any of it ending, until the service is not live any more.
    public var livenessTimeout = Duration.seconds(60)
    /// Whether connections of one address, or of one IPv6 network of 64 bits, take turns as one caller. Behind a proxy, whose
    /// connections all have its address, they must not.
    public var countsByAddress = false
    /// Work above which a body is decoded in the decoding lane, in pixels times scans, or bytes of text.
    public var inlineWork = 16 << 10
    /// Bytes above which answers are coded on helper threads.
    public var inlineBytes = 64 << 10
    /// Bytes below which answers are sent without a content coding; nil when all are, but to a client that takes no other.
    public var leastCodedBytes: Int? = 1024
    /// Rules for requests that a web page may have made.
    public var browsers = BrowserRules()
    /// Keys in force; without any every route but administration is open.
    public var keys: KeyRing?
    /// What the program counts, for `GET /admin/status`.
    public var metrics = MetricSet()
    /// Observers of each request that is over, told in this order.
    public var observers: [any ExchangeObserver] = []
    /// Takes what clients are not told of an internal error.
    public var report: @Sendable (String) -> Void

    /// Most rows of a request that these limits let through; the service's queue must have room for them.
    public var largestRequestRows: Int { max(maxRequestRows, maxSampleCount, maxInterpolationSteps) }

    /// The defaults.
    public init(version: String, report: @escaping @Sendable (String) -> Void) {
        self.version = version
        self.report = report
    }
}
