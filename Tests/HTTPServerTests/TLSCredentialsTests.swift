import Glibc
import HTTPServer
import TestSupport
import Testing

@Suite("TLS credentials")
struct TLSCredentialsTests {
    /// What loading the files of `folder` fails with.
    private func failure(_ folder: TLSFolder, clientCA: Bool = false) -> TLSError? {
        do {
            _ = try folder.credentials(clientCA: clientCA)
            return nil
        } catch { return error as? TLSError }
    }

    @Test("a chain and its key are taken; the first to expire counts")
    func chain() throws {
        let folder = try TLSFolder()
        let authority = TestIdentity("authority", isAuthority: true, days: 10)
        try folder.write(TestIdentity("localhost", issuer: authority, days: 90), chain: [authority])
        #expect(abs(try folder.credentials().daysLeft - 10) < 0.1)
        try folder.write(TestIdentity("localhost", days: -2))
        #expect(abs(try folder.credentials().daysLeft + 2) < 0.1)
    }

    @Test("files that are missing, no files, too large or no PEM are refused by name")
    func badFiles() throws {
        let folder = try TLSFolder()
        let (certificate, key) = (folder.file("certificate.pem"), folder.file("key.pem"))
        #expect(failure(folder) == .unreadable(file: certificate, code: ENOENT))
        try folder.write(.server)
        #expect(failure(folder) == nil)

        try folder.write(TestIdentity.server.keyPEM, "certificate.pem")
        #expect(failure(folder) == .noCertificate(file: certificate))
        var damaged = TestIdentity.server.certificatePEM
        damaged.replaceSubrange(200..<204, with: Array("!!!!".utf8))
        try folder.write(TestIdentity.server.certificatePEM + damaged, "certificate.pem")
        guard case .badCertificate(certificate, _) = failure(folder) else {
            Issue.record("a damaged certificate behind a sound one: \(String(describing: failure(folder)))")
            return
        }
        // Text around the blocks is allowed, up to the limit.
        let filler = [UInt8](
            repeating: UInt8(ascii: "\n"),
            count: TLSConfiguration.fileBytes - TestIdentity.server.certificatePEM.count)
        try folder.write(TestIdentity.server.certificatePEM + filler, "certificate.pem")
        #expect(failure(folder) == nil)
        try folder.write(TestIdentity.server.certificatePEM + filler + filler.prefix(1), "certificate.pem")
        #expect(failure(folder) == .tooLarge(file: certificate, limit: TLSConfiguration.fileBytes))

        try folder.write(.server)
        try folder.write(TestIdentity.server.certificatePEM, "key.pem")
        guard case .badKey(key, _) = failure(folder) else {
            Issue.record("a certificate in place of the key")
            return
        }
        #expect(throws: TLSError.notAFile(folder.path)) {
            try folder.credentials { $0.key = folder.path }
        }
        try folder.write(.server)
        #expect(failure(folder, clientCA: true) == .unreadable(file: folder.file("ca.pem"), code: ENOENT))
        try folder.write([], "ca.pem")
        #expect(failure(folder, clientCA: true) == .noCertificate(file: folder.file("ca.pem")))
    }

    @Test(
        "a key that others may read or change is refused", arguments: [0o640, 0o620, 0o604, 0o602, 0o660] as [UInt32])
    func exposedKey(mode: UInt32) throws {
        let folder = try TLSFolder()
        try folder.write(.server)
        for allowed in [0o600, 0o400, 0o700] as [UInt32] {
            try folder.write(TestIdentity.server.keyPEM, "key.pem", mode: allowed)
            #expect(failure(folder) == nil)
        }
        try folder.write(TestIdentity.server.keyPEM, "key.pem", mode: mode)
        #expect(failure(folder) == .exposedKey(file: folder.file("key.pem"), mode: mode))
    }

    @Test("a key of another user is refused, and of root's one that all may read", .enabled(if: geteuid() == 0))
    func foreignKey() throws {
        let folder = try TLSFolder()
        try folder.write(.server)
        let key = folder.file("key.pem")
        #expect(unsafe chown(key, 12_345, 12_345) == 0)
        #expect(failure(folder) == .foreignKey(file: key, owner: 12_345))
    }

    @Test("the rule of who may read a key, for a user that is not root")
    func keyRule() {
        func isRefused(_ mode: UInt32, owner: UInt32) -> Bool {
            TLSFile.refusal(ofKey: "k", mode: mode, owner: owner, user: 1000) != nil
        }
        #expect(!isRefused(0o600, owner: 1000) && !isRefused(0o400, owner: 1000))
        #expect(isRefused(0o640, owner: 1000))
        #expect(!isRefused(0o600, owner: 0) && !isRefused(0o640, owner: 0))
        #expect(isRefused(0o660, owner: 0) && isRefused(0o644, owner: 0))
        #expect(isRefused(0o600, owner: 1001))
    }

    @Test("a key with a passphrase, and one of another certificate, are refused")
    func unusableKeys() throws {
        let folder = try TLSFolder()
        try folder.write(.server)
        try folder.write(TestIdentity.server.keyPEM(passphrase: "secret"), "key.pem")
        #expect(failure(folder) == .keyHasPassphrase(file: folder.file("key.pem")))
        try folder.write(TestIdentity.alice.keyPEM, "key.pem")
        #expect(failure(folder) == .keyDoesNotFit(file: folder.file("key.pem")))
    }

    @Test("a certificate with a short RSA key is refused")
    func weakCertificate() throws {
        let folder = try TLSFolder()
        try folder.write(TestIdentity("localhost", key: .rsa(bits: 1024)))
        #expect(
            failure(folder)
                == .badCertificate(file: folder.file("certificate.pem"), reason: "ee key too small"))
    }

    @Test("every refusal is one line that begins with the file")
    func descriptions() {
        let errors: [TLSError] = [
            .unreadable(file: "f", code: ENOENT), .notAFile("f"), .tooLarge(file: "f", limit: 1),
            .exposedKey(file: "f", mode: 0o644), .foreignKey(file: "f", owner: 1), .noCertificate(file: "f"),
            .badCertificate(file: "f", reason: "r"), .badKey(file: "f", reason: "r"), .keyHasPassphrase(file: "f"),
            .keyDoesNotFit(file: "f"),
        ]
        for error in errors {
            #expect(error.description == "f: \(error.explanation)")
            #expect(!error.description.contains("\n"))
        }
        #expect(TLSError.library(call: "c", reason: "r").description == "TLS: c failed: r")
    }

    @Test("ticket keys change every hour, and the last one opens tickets for another")
    func ticketKeys() throws {
        let keys = TLSTicketKeys()
        let (start, hour) = (UInt64(1_000_000_000), TLSTicketKeys.period)
        let first = try #require(keys.current(at: start))
        #expect(first.name.count == 16 && first.cipher.count == 32 && first.mac.count == 32)
        #expect(keys.current(at: start + hour - 1) == first)
        let second = try #require(keys.current(at: start + hour))
        #expect(second.name != first.name && second.cipher != first.cipher && second.mac != first.mac)
        #expect(keys.key(named: second.name, at: start + hour)?.isOld == false)
        #expect(keys.key(named: first.name, at: start + 2 * hour - 1)?.isOld == true)
        #expect(keys.key(named: first.name, at: start + 2 * hour) == nil)
        #expect(keys.key(named: [UInt8](repeating: 0, count: 16), at: start + hour) == nil)
    }
}
