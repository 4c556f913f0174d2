public import FlowModels
import Synchronization

/// Watch over the images that a model scores: whether they are still like those that it was calibrated with.
///
/// Images of all requests count in the order in which their answers are made. Observing takes some hundred nanoseconds an image.
public final class DriftMonitor: Sendable {
    /// What the images are held against.
    public let reference: DriftReference
    private let state: Mutex<DriftMartingale>

    /// A watch that begins, or that goes on where `state` of the same reference ended.
    /// - Returns: nil where `state` is of another reference, or has numbers that no test has.
    package init?(_ reference: DriftReference, continuing state: DriftMartingale.State? = nil) {
        self.reference = reference
        guard let state else {
            self.state = Mutex(Self.fresh(reference))
            return
        }
        guard let test = DriftMartingale(reference: reference, continuing: state) else { return nil }
        self.state = Mutex(test)
    }

    private static func fresh(_ reference: DriftReference) -> DriftMartingale {
        DriftMartingale(reference: reference, seed: .random(in: 0...UInt64.max))
    }

    /// Counts images.
    /// - Parameters:
    ///   - ranks: of each image that is to count and has one.
    ///   - passedOver: images that were scored, and do not count.
    ///   - time: Unix time, seconds.
    package func observe(_ ranks: [ConformalRank], passingOver passedOver: Int, at time: Int) {
        state.withLock { test in
            for rank in ranks { test.observe(rank, at: time) }
            test.passOver(passedOver)
        }
    }

    /// The test as it is now.
    public var test: DriftMartingale { state.withLock(\.self) }

    /// Begins the test again, as if no image had come.
    package func reset() { state.withLock { $0 = Self.fresh(reference) } }
}
