public import FlowCore
public import FlowModels
import Synchronization

/// A model as it was loaded once: a generation of its name, told apart from every other by an id.
///
/// Whoever answers a request holds the one that the request's head found, so that the whole answer comes of it, however
/// the name fares meanwhile; it is freed when nobody holds it any more.
public final class LoadedModel: Sendable {
    /// Identity of a generation, given once in the life of the process.
    public struct ID: Hashable, Sendable {
        private let number: UInt64
        private static let last = Atomic<UInt64>(0)

        private init(number: UInt64) { self.number = number }

        /// An identity that no model had before.
        package static func next() -> ID {
            ID(number: last.wrappingAdd(1, ordering: .relaxed).newValue)
        }
    }

    /// Identity of this generation.
    public let id: ID
    /// Weights of the model, and what computes with them.
    let weights: ModelWeights
    /// What is known of the model's density. It computes in lanes alone, which hold its weights; those may rest else.
    public var density: any ImageDensity { weights.density }
    /// Record of the model, as its file has it.
    public let record: ModelRecord
    /// Name that the service knows the model by: that of its record, or another one that it was given; see ``ServedName``.
    public let name: String
    /// ``name`` without its version.
    public let base: String
    /// Version of the model; nil without one.
    public let version: Int?
    /// Watch over the images that the model scores; nil of one without ``DecisionRecord``.
    public let drift: DriftMonitor?
    private let whenReleased: (@Sendable (ID) -> Void)?

    /// - Parameters:
    ///   - name: name that the service knows the model by; that of the record where it is nil.
    ///   - whenReleased: called once nobody holds the model, on the thread that let go of it last; must not wait.
    package init(
        _ density: any ImageDensity, id: ID = .next(), name: String? = nil, drift: DriftMonitor? = nil,
        whenReleased: (@Sendable (ID) -> Void)? = nil
    ) {
        self.id = id
        weights = ModelWeights(density)
        record = density.record
        let name = name ?? record.name
        let parts = ServedName(name)
        self.name = name
        base = parts?.base ?? name
        version = parts?.version
        self.drift = drift
        self.whenReleased = whenReleased
    }

    deinit { whenReleased?(id) }

    /// Bytes of memory that the model's weights take now.
    public var memoryBytes: Int { density.memoryBytes }
    /// Precision of the model's weights.
    public var precision: WeightPrecision { density.precision }
}
