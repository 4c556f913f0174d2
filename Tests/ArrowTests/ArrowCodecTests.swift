import Archives
import Testing

@testable import Arrow

/// Frames of pyarrow 26.0.1, `pa.Codec(NAME).compress(b"tusk" * 25)`.
@Suite("Compressed buffers of Arrow files")
struct ArrowCodecTests {
    private static let text = (0..<25).flatMap { _ in Array("tusk".utf8) }

    private static let frames: [(ArrowCodec, name: String, bytes: [UInt8])] = [
        (
            .lz4, "LZ4",
            [
                0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0x0e, 0x00, 0x00, 0x00, 0x4f, 0x74, 0x75, 0x73, 0x6b, 0x04,
                0x00, 0x48, 0x50, 0x6b, 0x74, 0x75, 0x73, 0x6b, 0x00, 0x00, 0x00, 0x00,
            ]
        ),
        (
            .zstandard, "Zstandard",
            [
                0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x64, 0x55, 0x00, 0x00, 0x20, 0x74, 0x75, 0x73, 0x6b, 0x01, 0x00, 0xfd,
                0xe4, 0x88,
            ]
        ),
    ]

    @Test("a frame gives as many bytes as it should, and no more or fewer", arguments: 0..<2)
    func size(index: Int) throws {
        let (codec, name, frame) = Self.frames[index]
        #expect(try codec.unfolded(frame, to: 100) == Self.text)
        for (size, words) in [(101, "fewer"), (1000, "fewer"), (99, "more"), (1, "more"), (0, "more")] {
            #expect(throws: ArchiveError.damaged(reason: "a buffer unfolds to \(words) bytes than it says"), "\(size)")
            {
                try codec.unfolded(frame, to: size)
            }
        }
        #expect(throws: ArchiveError.damaged(reason: "a buffer has bytes behind its \(name) frame")) {
            try codec.unfolded(frame + [0], to: 100)
        }
    }

    @Test("a frame of nothing is one", arguments: 0..<2)
    func empty(index: Int) throws {
        let frames: [[UInt8]] = [
            [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0], [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0],
        ]
        #expect(try Self.frames[index].0.unfolded(frames[index], to: 0).isEmpty)
    }

    @Test("a frame that is cut off is said to be, and other bytes are no frame", arguments: 0..<2)
    func damage(index: Int) throws {
        let (codec, name, frame) = Self.frames[index]
        for length in frame.indices {
            #expect(throws: ArchiveError.damaged(reason: "a buffer ends before its \(name) frame"), "\(length)") {
                try codec.unfolded(Array(frame[..<length]), to: 100)
            }
        }
        #expect(throws: ArchiveError.damaged(reason: "a buffer is no sound \(name) frame")) {
            try codec.unfolded(Array("no frame of any kind".utf8), to: 100)
        }
        for place in frame.indices {
            for bit in 0..<8 {
                var other = frame
                other[place] ^= 1 << bit
                if let bytes = try? codec.unfolded(other, to: 100) { #expect(bytes.count == 100) }
            }
        }
    }
}
