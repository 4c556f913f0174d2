import FlowModels
import FoundationEssentials
import Glibc
import Logging
import Serving
import Synchronization
import System

/// File that keeps what the tests of drift have seen, so that they go on after a restart.
///
/// One service at a time has it: the states of two would take turns.
final class DriftStateFile: Sendable {
    /// Contents of the file.
    private struct Contents: Codable, Equatable {
        var version = 1
        /// States by the models' names, each of other calibration images or another rate, the latest last.
        var models: [String: [DriftMartingale.State]]
    }

    /// Most bytes that are read; a model's state has a few kilobytes.
    static let maxBytes = 16 << 20
    /// States of one model that are kept, for who comes back to other calibration images or another rate.
    static let mostStates = 8
    /// Time between two writings while images come.
    static let interval = Duration.seconds(10)

    private let path: String
    private let lock: FileLock
    /// What the file has.
    private let written: Mutex<Contents>

    /// Takes the file at `path`, or that there is none yet.
    /// - Throws: ``ServiceFailure`` of status 78 where it cannot be read, is no such file, or another service has it.
    init(_ path: String) throws {
        self.path = path
        func failure(_ reason: String) -> ServiceFailure {
            ExitStatus.configuration.failure("--drift-state \(path): \(reason)")
        }
        guard !path.isEmpty else { throw ExitStatus.configuration.failure("--drift-state: the path is empty") }
        do throws(FileLock.Failure) {
            lock = try FileLock(path + ".lock")
        } catch {
            switch error {
            case .held: throw failure("another service keeps its state there")
            case .system(let error): throw failure("\(error)")
            }
        }
        do {
            let bytes = try WholeFile(path).contents(limit: Self.maxBytes)
            let contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
            guard contents.version == 1 else { throw failure("its version is \(contents.version), not 1") }
            written = Mutex(contents)
        } catch WholeFile.Failure.system(let error) where error.code == ENOENT {
            written = Mutex(Contents(models: [:]))
        } catch let error as WholeFile.Failure {
            throw failure("it is \(error)")
        } catch is DecodingError {
            throw failure("it is no state that tusk wrote; another file, or none, begins the tests anew")
        }
    }

    /// States by the models' names, as they were read or written last.
    var states: [String: [DriftMartingale.State]] { written.withLock(\.models) }

    /// Logs which models' tests begin anew, since their calibration images or the rate are not those of their states.
    func report(_ states: [String: DriftMartingale.State], to logger: Logger) {
        for (name, kept) in self.states {
            guard let state = states[name] else { continue }
            if kept.contains(where: { $0.reference == state.reference }) {
                logger.notice("drift goes on", metadata: ["model": "\(name)", "images": "\(state.images)"])
            } else {
                logger.warning(
                    """
                    drift begins anew: the calibration images or --drift-alarm are others than those of --drift-state, which \
                    keeps both
                    """, metadata: ["model": "\(name)"])
            }
        }
    }

    /// Writes the states where they are others than those that the file has. States of models that are not among them stay.
    func write(_ states: [String: DriftMartingale.State], logger: Logger) {
        do {
            try written.withLock { written in
                var models = written.models
                for (name, state) in states {
                    let others = (models[name] ?? []).filter { $0.reference != state.reference }
                    models[name] = others.suffix(Self.mostStates - 1) + [state]
                }
                guard models != written.models else { return }
                let contents = Contents(models: models)
                let encoder = JSONEncoder()
                encoder.outputFormatting = .sortedKeys
                try ReplacingFile.write(Array(try encoder.encode(contents)), to: path)
                written = contents
            }
        } catch {
            logger.error("the state of drift is not written", metadata: ["reason": "\(error)"])
        }
    }
}
