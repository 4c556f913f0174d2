import Glibc

/// Whether there is anything at `path`, a link that leads nowhere among others.
func exists(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0
}

/// Refuses to replace a file that is there, unless somebody asked for that.
/// - Parameter option: what names the file.
/// - Throws: a `CommandError`.
func checkReplacing(_ output: String, option: String = "--output", overwrite: Bool) throws {
    if !overwrite, exists(output) {
        throw CommandError("\(option) \(output): the file is there, and would be replaced; --overwrite does so")
    }
}
