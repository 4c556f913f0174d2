import FlowKernels
import Foundation
import Testing

@Suite("Pages of the program")
struct ProgramPagesTests {
    /// A mapping of this process, as proc(5) lists it in `smaps`.
    private struct Mapping {
        var range: Range<UInt>
        var permissions: Substring
        var path: Substring
        /// Memory that is this process's own, which the file does not have; KiB.
        var anonymous = 0
    }

    private func mappings() throws -> [Mapping] {
        var all: [Mapping] = []
        // In pieces: the file says that it has no length.
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
        var bytes = Data()
        while let piece = try file.read(upToCount: 1 << 16), !piece.isEmpty { bytes += piece }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = words[0].split(separator: "-")
            if ends.count == 2, let first = UInt(ends[0], radix: 16), let last = UInt(ends[1], radix: 16) {
                all.append(
                    Mapping(range: first..<last, permissions: words[1], path: words.count > 5 ? words[5] : ""))
            } else if words[0] == "Anonymous:" {
                all[all.count - 1].anonymous = Int(words[1]) ?? 0
            }
        }
        return all
    }

    @Test("unchanged pages are those of files alone, and hold nothing that the files do not")
    func unchanged() throws {
        let mappings = try mappings()
        let ranges = ProgramPages.unchanged
        for range in ranges {
            let parts = mappings.filter { $0.range.overlaps(range) }
            #expect(!parts.isEmpty)
            for part in parts {
                #expect(part.path.hasPrefix("/") && !part.permissions.contains("w") && part.anonymous == 0, "\(part)")
            }
        }
        // Code of this test's program, and of the C library.
        for name in ["/libc.so", "xctest"] {
            #expect(
                mappings.contains { part in
                    part.path.contains(name) && part.permissions.contains("x")
                        && ranges.contains { part.range.overlaps($0) }
                }, "\(name)")
        }
    }

    @Test("they come back where they are used")
    func release() throws {
        // Vectors of code, and tables of constants.
        func exponentials() -> [Float] {
            let values = (0..<100).map { Float($0) / 10 }
            var results = values
            var span = results.mutableSpan
            Kernels.best.apply(.exp, from: values.span, to: &span, count: values.count)
            return results
        }
        let (before, text) = (exponentials(), "constants of \(Self.self)")
        for _ in 0..<3 {
            ProgramPages.release()
            #expect(exponentials() == before && "constants of \(Self.self)" == text)
        }
    }
}
