/// The kind of file that a media type names, of those that are not read; nil for a type that says nothing of what to do.
/// - Parameter type: its two names, in lower case and without parameters: "image/gif".
///
/// Source: IANA, *Media Types*; and names that were in use before those.
public func fileKind(ofMediaType type: String) -> FileKind? {
    if let (phrase, advice) = kinds[type] { return FileKind(phrase: phrase, advice: advice) }
    if type.hasPrefix("video/") { return FileKind(phrase: "a video", advice: saveFrames) }
    // of a picture that is read the type is another name
    if type.hasPrefix("image/"), !["png", "jpeg", "jpg", "webp", "*"].contains(where: type.dropFirst(6).elementsEqual) {
        return FileKind(phrase: "a picture of another format", advice: savePicture)
    }
    return nil
}

private let kinds: [String: (phrase: String, advice: String)] = {
    var kinds: [String: (String, String)] = [:]
    for (phrase, advice, types) in [
        ("a GIF picture", saveFrames, "image/gif"),
        ("an animated PNG", saveFrames, "image/apng image/vnd.mozilla.apng"),
        ("a TIFF picture", savePicture, "image/tiff image/tif image/x-tiff image/tiff-fx"),
        ("an AVIF picture", savePicture, "image/avif image/avif-sequence"),
        ("a HEIC picture", savePicture, "image/heic image/heif image/heic-sequence image/heif-sequence"),
        ("a BMP picture", savePicture, "image/bmp image/x-bmp image/x-ms-bmp image/x-windows-bmp"),
        ("a JPEG 2000 picture", savePicture, "image/jp2 image/jpx image/jpm image/j2c image/jpeg2000 image/x-jp2"),
        ("a JPEG XL picture", savePicture, "image/jxl"),
        ("an ICO picture", savePicture, "image/x-icon image/vnd.microsoft.icon image/ico"),
        (
            "a Netpbm picture", savePicture,
            "image/x-portable-anymap image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap"
        ),
        ("a QOI picture", savePicture, "image/qoi image/x-qoi"),
        ("an OpenEXR picture", savePicture, "image/x-exr image/aces"),
        ("a Photoshop document", savePicture, "image/vnd.adobe.photoshop image/x-photoshop application/x-photoshop"),
        ("an SVG drawing", savePicture, "image/svg+xml"),
        ("a DICOM file", savePicture, "application/dicom"),
        ("a PDF document", "save its pictures as PNG", "application/pdf"),
        ("an HTML page", downloadFile, "text/html application/xhtml+xml"),
        ("a ZIP archive", unpack, "application/zip application/x-zip-compressed"),
        ("a tar archive", unpack, "application/x-tar"),
        ("a gzip file", unpack, "application/gzip application/x-gzip"),
        ("an HDF5 file", saveArray, "application/x-hdf5 application/x-hdf"),
        ("a Parquet file", "save it as an Arrow IPC file", "application/vnd.apache.parquet"),
    ] {
        for type in types.split(separator: " ") { kinds[String(type)] = (phrase, advice) }
    }
    return kinds
}()
