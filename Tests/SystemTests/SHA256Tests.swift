import System
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    /// FIPS 180-4's example, in one part and in three.
    @Test("SHA-256 gives the published digest")
    func digest() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(SHA256.hex(Array("abc".utf8)) == expected)
        var (hash, parts) = (SHA256(), [UInt8](repeating: 0, count: 32))
        for part in ["a", "", "bc"] {
            let bytes = Array(part.utf8)
            hash.update(bytes.span)
        }
        hash.finish(into: &parts)
        #expect(parts == SHA256.digest(Array("abc".utf8)))
    }
}
