import CFlowKernels
import Glibc

/// Code and constants of the program and its libraries, which the system maps from their files and can read from there again.
package enum ProgramPages {
    /// Address ranges, in whole pages, of what the files have and nothing has changed since: no data, and no constants that were
    /// relocated when the program was loaded.
    package static var unchanged: [Range<UInt>] {
        // A few for each library.
        var ranges = [flow_page_range](repeating: flow_page_range(), count: 1024)
        let count = unsafe flow_unchanged_pages(&ranges, Int32(ranges.count))
        return ranges.prefix(Int(count)).map { $0.start..<$0.end }
    }

    /// Gives the pages of ``unchanged`` up, so that those alone take memory of this process that are used afterwards: the next use of
    /// one maps it again, from the system's cache of the file. It is advice, without which there is more in memory.
    package static func release() {
        for range in unchanged {
            _ = unsafe madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }
}
