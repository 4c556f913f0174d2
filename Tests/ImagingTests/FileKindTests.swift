import Imaging
import Testing

/// First bytes of files, in hexadecimal: of Pillow 13.0, NumPy 2.4.6, h5py 3.16, SciPy 1.17.1, pyarrow 26.0.1, safetensors 0.8,
/// Python 3.11's `pickle`, `tarfile`, `gzip`, `bz2` and `lzma`; the others by their specifications.
private let files: [(name: String, start: String)] = [
    ("GIF picture", "474946383761080008008100000000"), ("GIF picture", "474946383961080008008100000000"),
    ("TIFF picture", "49492a00080000000a000001"), ("TIFF picture", "4d4d002a00000008000a0100"),
    ("TIFF picture", "49492b00080000000a000001"),
    ("BMP picture", "424df6000000000000003600000028000000080000000800000001001800"),
    ("JPEG 2000 picture", "0000000c6a5020200d0a870a00000014667479706a703220"),
    ("JPEG 2000 picture", "ff4fff51002f0000"),
    ("JPEG XL picture", "0000000c4a584c200d0a870a00000014"), ("JPEG XL picture", "ff0a7f00"),
    ("ICO picture", "0000010001000808000000002000450000001600000089504e470d0a"),
    ("AVIF picture", "00000020667479706176696600000000617669666d6966316d69616600000000"),
    ("AVIF picture", "0000001c667479706d696631000000006d696631617669666d69616600000000"),
    ("HEIC picture", "00000018667479706865696300000000686569636d69663100000000"),
    ("video", "0000001c6674797069736f6d0000020069736f6d69736f32"),
    ("video", "52494646240000004156492000000000"), ("sound", "52494646240000005741564500000000"),
    ("Netpbm picture", "50360a3820380a3235350a00"), ("QOI picture", "716f696600000008"),
    ("Photoshop document", "38425053000100000000"), ("OpenEXR picture", "762f310102000000"),
    ("PDF document", "255044462d312e340a25"), ("PostScript document", "252150532d41646f62652d332e30"),
    ("PNG picture", "89504e470d0a1a0a"), ("JPEG picture", "ffd8ffe000104a464946"),
    ("ZIP archive", "504b03042d0000000000"), ("ZIP archive", "504b0506000000000000"),
    ("gzip file", "1f8b080004aa0d6b02ff"), ("bzip2 file", "425a6839314159265359"), ("xz file", "fd377a585a000004"),
    ("Zstandard file", "28b52ffd2403"), ("LZ4 file", "04224d186440"), ("7z archive", "377abcaf271c0004"),
    ("RAR archive", "526172211a070100"),
    ("MATLAB .mat file", "4d41544c414220352e30204d41542d66696c6520506c6174"), ("HDF5 file", "894844460d0a1a0a00"),
    ("NetCDF file", "43444601000000000000"), ("FITS file", "53494d504c4520203d2020202020"),
    ("Parquet file", "5041523115041520"), ("Arrow IPC file", "4152524f57310000ffffffff78000000"),
    ("Feather file of version 1", "4645413100000000"), ("Arrow IPC stream", "ffffffff780000001000000000000a00"),
    ("Python pickle file", "80027d710058010000006171014b0173"), ("Python pickle file", "8003636e756d70792e5f636f7265"),
    ("Python pickle file", "8004950a000000000000007d948c0161"), ("Python pickle file", "80059509000000000000005d"),
    ("safetensors file", "40000000000000007b2261223a7b2264"), ("NPY array", "934e554d5059010076007b"),
    ("SQLite database", "53514c69746520666f726d6174203300"), ("AppleDouble file of macOS", "00051607000200004d616320"),
    (".DS_Store file of macOS", "0000000142756431"), ("OLE file, such as Thumbs.db", "d0cf11e0a1b11ae100000000"),
    ("text in UTF-16", "fffe7b002200"), ("text in UTF-16", "feff007b0022"), ("text in UTF-32", "fffe00007b000000"),
]

private let texts: [(name: String, start: String)] = [
    ("HTML page", "<!DOCTYPE html><html>"), ("HTML page", "\u{FEFF}\r\n <HTML lang=en>"),
    ("HTML page", "<head><title>"),
    ("HTML page", "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC><html>"),
    ("SVG drawing", "<svg xmlns=\"http://www.w3.org/2000/svg\">"),
    ("SVG drawing", "<?xml version=\"1.0\"?>\n<!-- x --><svg>"),
    ("XML document", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
    ("Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
    ("git-annex pointer", "/annex/objects/SHA256E-s1--ab.png\n"), ("JSON text", " {\"error\": \"not found\"}"),
    ("JSON text", "[1, 2]"), ("text", "Not Found"), ("text", "Größe,Maß\n1,2\n"), ("blank text", "\n \n"),
]

private func bytes(_ hexadecimal: String) -> [UInt8] {
    var rest = hexadecimal[...]
    var result: [UInt8] = []
    while let byte = UInt8(rest.prefix(2), radix: 16) {
        result.append(byte)
        rest = rest.dropFirst(2)
    }
    return result
}

@Suite("Kinds of files")
struct FileKindTests {
    @Test("a file is named by its first bytes", arguments: files)
    func named(_ name: String, _ start: String) throws {
        let file = bytes(start)
        #expect(fileKind(of: file)?.name == name)
        #expect(
            fileKind(of: file + [UInt8](repeating: 0x80, count: 1000))?.name == name, "what follows does not matter")
        for count in 1..<file.count { _ = fileKind(of: file[..<count]) }
    }

    @Test("a text is named by how it begins", arguments: texts)
    func named(text name: String, _ start: String) {
        #expect(fileKind(of: Array(start.utf8))?.name == name)
    }

    @Test("signatures that stand further in are found")
    func inside() {
        for (name, mark, offset) in [
            ("tar archive", "ustar", 257), ("DICOM file", "DICM", 128), ("NIfTI volume", "n+1\0", 344),
        ] {
            #expect(fileKind(of: [UInt8](repeating: 1, count: offset) + mark.utf8 + [0, 0])?.name == name)
            #expect(fileKind(of: [UInt8](repeating: 1, count: offset - 1) + mark.utf8 + [0, 0]) == nil)
        }
    }

    @Test("a character that the prefix cuts leaves a text a text")
    func cut() {
        for shift in 0..<4 {
            let text = String(repeating: "x", count: shift) + String(repeating: "𝄞", count: 200)
            #expect(fileKind(of: Array(text.utf8))?.name == "text")
        }
        #expect(fileKind(of: Array("𝄞".utf8).dropLast()) == nil)
    }

    @Test(
        "what has no kind has none",
        arguments: [
            "00", "0000080300000005", "424d", "424d0102030405060708090a0b0c0d0e0f1011", "0102030405060708090a", "80",
            "8001",
            "7f454c46", "ffffffff00000000", "52494646000000004e4f4e45", "504b", "50380a",
        ])
    func unknown(_ start: String) {
        // bytes that are no text
        #expect(fileKind(of: bytes(start) + [0x00, 0xC0]) == nil)
    }

    @Test("a kind is told with its article and with what to do")
    func words() throws {
        let gif = try #require(fileKind(of: "GIF89a".utf8))
        #expect("\(gif)" == "GIF picture" && gif.phrase == "a GIF picture" && gif.advice == "save its frames as PNG")
        #expect(fileKind(of: [])?.phrase == "an empty file")
        #expect(fileKind(of: "<html>".utf8)?.phrase == "an HTML page")
        #expect(fileKind(of: bytes("fffe7b00"))?.name == "text in UTF-16")
    }

    @Test("what six bytes or more tell is certain, and what fewer tell is with its sizes")
    func certain() throws {
        let tail = [UInt8](repeating: 0x80, count: 1000)
        for (start, isCertain) in [
            ("474946383961080008008100000000", true), ("0000002066747970617669660000000061766966", true),
            ("0000000c6a5020200d0a870a00000014", true), ("49492b00080000000a000001", true),
            ("49492a00080000000a000001", true), ("4d4d002a00000008000a0100", true),
            ("49492a00070000000a000001", false), ("49492a000800ff000a000001", false), ("49492a0000000000", false),
            ("424d0404000000000000360000002800000008", true), ("424df6000000000000003600000028000000", false),
            ("ff0a7f00", false), ("50360a3820380a3235350a00", false), ("504b03042d0000000000", false),
        ] {
            var file = bytes(start) + tail
            file = Array(file.prefix(1028))
            if start.hasPrefix("424d0404") { file += [UInt8](repeating: 0, count: 1028 - file.count) }
            let kind = try #require(fileKind(of: file), "\(start)")
            #expect(kind.isCertain == isCertain, "\(start)")
        }
        for (text, isCertain) in [("<!doctype html>", true), ("<svg>", true), ("Not Found", false), ("[1]", false)] {
            #expect(fileKind(of: text.utf8)?.isCertain == isCertain, "\(text)")
        }
    }

    @Test("a media type names the kind, and what to do with it")
    func mediaTypes() {
        for (type, phrase, advice) in [
            ("image/gif", "a GIF picture", "save its frames as PNG"),
            ("image/tiff", "a TIFF picture", "save it as PNG"),
            ("image/avif", "an AVIF picture", "save it as PNG"), ("image/heif", "a HEIC picture", "save it as PNG"),
            ("image/x-ms-bmp", "a BMP picture", "save it as PNG"),
            ("image/svg+xml", "an SVG drawing", "save it as PNG"),
            ("image/x-unheard-of", "a picture of another format", "save it as PNG"),
            ("video/mp4", "a video", "save its frames as PNG"), ("application/zip", "a ZIP archive", "unpack it"),
        ] {
            let kind = fileKind(ofMediaType: type)
            #expect(kind?.phrase == phrase && kind?.advice == advice, "\(type)")
        }
        for type in [
            "image/png", "image/jpeg", "image/jpg", "image/webp", "image/*", "text/plain", "application/json", "",
        ] {
            #expect(fileKind(ofMediaType: type) == nil, "\(type)")
        }
    }

    @Test("an image of an unknown format is refused with its kind")
    func refused() throws {
        #expect(throws: ImagingError.unknownFormat(fileKind(of: "GIF89a".utf8))) {
            try decodeImage(Array("GIF89a".utf8))
        }
    }
}
