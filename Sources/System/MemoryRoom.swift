import Glibc

/// Room for more memory in this process, asked for before it is used: an allocation of Swift's that fails ends the process.
package enum MemoryRoom {
    /// Bytes below which nothing is asked: the answer would cost more than it is worth.
    package static let leastBytes = 1 << 20
    /// Bytes from which on the memory of the machine and of the control group is looked at too, which takes some 0.1 ms.
    private static let largeBytes = 8 << 20
    /// Bytes that are left for everything else that goes on meanwhile.
    package static let margin = 16 << 20

    /// Whether this process may have `bytes` more now, and a ``margin``.
    ///
    /// The system is asked for as much address space, which RLIMIT_AS and a strict overcommit bound (mmap(2), setrlimit(2),
    /// proc_sys_vm(5)), and gets it back; for large sizes ``memoryLimit(resident:root:)`` bounds what may be resident. The
    /// answer holds for a moment, in which others may take what was there.
    package static func has(_ bytes: Int) -> Bool {
        guard bytes >= leastBytes else { return true }
        let (wanted, overflow) = bytes.addingReportingOverflow(margin)
        guard !overflow, hasAddressSpace(wanted) else { return false }
        guard bytes >= largeBytes, let resident = residentMemory(), let limit = memoryLimit(resident: resident) else {
            return true
        }
        return wanted <= limit - resident
    }

    /// Whether the system would give this process `bytes` more of address space now.
    package static func hasAddressSpace(_ bytes: Int) -> Bool {
        guard let address = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe address != MAP_FAILED
        else { return false }
        _ = unsafe munmap(address, bytes)
        return true
    }

    /// Bytes of address space that this process may have in all; nil without a limit (RLIMIT_AS, setrlimit(2)).
    package static var addressSpaceLimit: Int? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < Int.max else {
            return nil
        }
        return Int(limit.rlim_cur)
    }
}
