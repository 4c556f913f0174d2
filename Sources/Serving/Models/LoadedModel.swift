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
    /// Density that computes for the model.
    public let density: any ImageDensity
    /// Name of the model, of its record: to ask for that copies all of it.
    public let name: String
    /// Watch over the images that the model scores; nil of one without ``DecisionRecord``.
    public let drift: DriftMonitor?
    private let whenReleased: (@Sendable (ID) -> Void)?

    /// - Parameter whenReleased: called once nobody holds the model, on the thread that let go of it last; must not wait.
    package init(
        _ density: any ImageDensity, id: ID = .next(), drift: DriftMonitor? = nil,
        whenReleased: (@Sendable (ID) -> Void)? = nil
    ) {
        self.id = id
        self.density = density
        name = density.record.name
        self.drift = drift
        self.whenReleased = whenReleased
    }

    deinit { whenReleased?(id) }

    /// Record of the model, as its file has it.
    public var record: ModelRecord { density.record }
    /// Bytes of memory that the model's weights take.
    public var memoryBytes: Int { density.memoryBytes }
    /// Precision of the model's weights.
    public var precision: WeightPrecision { density.precision }
}
