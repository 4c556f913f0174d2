import Glibc

/// Refuses to replace a file that is there, unless somebody asked for that.
/// - Throws: a `CommandError`.
func checkReplacing(_ output: String, overwrite: Bool) throws {
    var status = stat()
    if !overwrite, unsafe lstat(output, &status) == 0 {
        throw CommandError("--output \(output): the file is there, and would be replaced; --overwrite does so")
    }
}
