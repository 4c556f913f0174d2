import ArgumentParser
import DensityAPI
import Glibc
import HTTPServer
import Logging
import System

/// Options for API keys.
struct KeyArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Lists the keys that are taken, by their hashes; `tusk key new` makes one. Read again on SIGHUP.",
            valueName: "file"))
    var keyFile: String?

    @OptionGroup var rates: RateArguments

    func validate() throws {
        if keyFile == nil, let kind = rates.limits.keys.first {
            throw ValidationError(
                "--rate-\(kind.rawValue) needs --key-file: without keys there is nobody to tell from others.")
        }
    }

    /// The keys in force; nil without a key file.
    /// - Throws: ``ServiceFailure``, which names the file and what is wrong.
    func load() throws -> KeyRing? {
        guard let keyFile else { return nil }
        do {
            return KeyRing(try Self.read(keyFile), limits: rates.limits, now: { time(nil) })
        } catch {
            throw ExitStatus.configuration.failure("--key-file \(keyFile): \(error)")
        }
    }

    /// Reads the file again, when there is one.
    func reloadable(_ ring: KeyRing?) -> Reloading.Part? {
        guard let keyFile, let ring else { return nil }
        return Reloading.Part(name: "keys") { ring.replace(with: try Self.read(keyFile)) }
    }

    /// - Throws: ``KeyFileError`` or ``OwnFileError``; neither holds the path or anything of the file.
    private static func read(_ path: String) throws -> KeyFile {
        let bytes = try readOwnFile(path, maxBytes: KeyFile.maxBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw OwnFileError("it is not UTF-8 text") }
        return try KeyFile(text)
    }
}

/// The bytes of a file that only its owner may change, that being us or root: who can write to it rules what we do.
///
/// It may be read by others: what it holds must be no secret.
/// - Throws: ``OwnFileError``.
func readOwnFile(_ path: String, maxBytes: Int) throws -> [UInt8] {
    do {
        let file = try WholeFile(path)
        guard file.mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw OwnFileError("others than its owner may write to it; chmod go-w mends that")
        }
        guard file.owner == 0 || file.owner == geteuid() else {
            throw OwnFileError("it belongs to another user than root and this one")
        }
        return try file.contents(limit: maxBytes)
    } catch let failure as WholeFile.Failure {
        if case .system(let error) = failure { throw OwnFileError("\(error)") }
        throw OwnFileError("it is \(failure)")
    }
}

/// Reason why ``readOwnFile(_:maxBytes:)`` did not read a file, without its path.
struct OwnFileError: TellableError, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

extension KeyFileError: TellableError {}

/// Warns of keys that protect little, since anyone on the way can read them.
func warnOfKeysInClear(_ keys: KeyArguments, on addresses: [ListenAddress], isEncrypted: Bool, _ logger: Logger) {
    guard keys.keyFile != nil, !isEncrypted else { return }
    for case .tcp(let host, _) in addresses where !host.hasPrefix("127.") && host != "::1" {
        logger.warning(
            "keys are sent in clear: this service listens beyond this machine without TLS",
            metadata: ["host": "\(host)"])
    }
}
