package import FlowModels
package import System

/// Place that a model is read from, again and again: a file, or the program itself.
package struct ModelSource: Sendable {
    /// What tells the place from others, such as a path; no client is told it.
    package var place: String
    /// Name of the file, without its path.
    package var file: String
    /// Name that the model is served by; nil for that of its record.
    package var given: ServedName?
    /// State of the file now; nil when nothing is there that can be read.
    package var stamp: @Sendable () -> FileStamp?
    /// Reads the name of the model's record alone.
    package var recordName: @Sendable () throws -> String
    /// Reads the model, and asks `admit` before it takes memory, with the record and the bytes that loading takes. What it throws beside what
    /// `admit` throws says in words without a path what is wrong.
    package var read:
        @Sendable (_ admit: (_ record: ModelRecord, _ bytes: Int) throws -> Void) throws -> any ImageDensity

    package init(
        place: String, file: String, given: ServedName? = nil, stamp: @escaping @Sendable () -> FileStamp?,
        recordName: @escaping @Sendable () throws -> String,
        read: @escaping @Sendable (_ admit: (ModelRecord, Int) throws -> Void) throws -> any ImageDensity
    ) {
        self.place = place
        self.file = file
        self.given = given
        self.stamp = stamp
        self.recordName = recordName
        self.read = read
    }

    /// A place whose model cannot be read, for a `reason` in words without a path.
    package init(place: String, file: String, fault reason: String) {
        self.init(
            place: place, file: file, stamp: { nil }, recordName: { throw ModelFileFault(reason) },
            read: { _ in throw ModelFileFault(reason) })
    }

    /// Name that a model with this record is served by.
    package func servedName(of record: ModelRecord) -> String { given?.description ?? record.name }

    /// Name that the model is served by, which is read where none was given.
    package func servedName() throws -> String { try given?.description ?? recordName() }
}

/// Fault of a model's file, in words without its path.
package struct ModelFileFault: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// Reason why a model stays as it was, in words without a path.
public enum ModelExchangeError: Error, Equatable, Sendable {
    /// No file holds a model of that name.
    case unknown(String)
    /// The model of `file` was not loaded.
    case failed(file: String, reason: String)
    /// Loading the model of `file` takes `need` bytes, and the others take `used` of at most `limit`.
    case overMemory(file: String, need: Int, used: Int, limit: Int)
    /// The default model is not unloaded.
    case isDefault(String)
}

extension ModelExchangeError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown(let name): "no file holds a model called \(name)"
        case .failed(let file, let reason): "\(file): \(reason)"
        case .overMemory(let file, let need, let used, let limit):
            "\(file): loading it takes about \(mebibytes(need)) MiB of memory; \(mebibytes(used)) MiB of at most "
                + "\(mebibytes(limit)) MiB are used"
        case .isDefault(let name): "\(name) is the default model, which is not unloaded"
        }
    }

    /// Mebibytes to a tenth, rounded up.
    private func mebibytes(_ bytes: Int) -> Double { (Double(bytes) / 1_048_576 * 10).rounded(.up) / 10 }
}

/// A model's file, and what became of it.
public struct ModelState: Sendable, Equatable {
    /// Failure of a loading.
    public struct Failure: Sendable, Equatable {
        /// Unix time, seconds.
        public var time: Int
        /// What went wrong, in words without a path.
        public var reason: String

        public init(time: Int, reason: String) {
            self.time = time
            self.reason = reason
        }
    }

    /// Name of the model; nil while none of the file was ever read.
    public var name: String?
    /// Name of the file, without its path.
    public var file: String
    public var phase: ModelPhase
    /// Phase of the generation that is on its way; nil when none is.
    public var incoming: ModelPhase?
    public var isDefault: Bool
    /// When the generation that serves was loaded, Unix time, seconds; nil when none does.
    public var loaded: Int?
    /// Bytes of memory that the weights of all its generations take.
    public var memory: Int
    /// Generations that answer only the requests that hold them.
    public var leaving: Int
    /// Failure of the last loading; nil when that went well.
    public var failure: Failure?

    public init(
        name: String? = nil, file: String, phase: ModelPhase, incoming: ModelPhase? = nil, isDefault: Bool,
        loaded: Int? = nil, memory: Int, leaving: Int, failure: Failure? = nil
    ) {
        self.name = name
        self.file = file
        self.phase = phase
        self.incoming = incoming
        self.isDefault = isDefault
        self.loaded = loaded
        self.memory = memory
        self.leaving = leaving
        self.failure = failure
    }
}
