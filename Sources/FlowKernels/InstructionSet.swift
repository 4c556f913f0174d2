import CFlowKernels

/// Instruction sets that the C kernels are compiled for; a program carries all and asks the CPU when it starts.
package enum InstructionSet: UInt32, CaseIterable, Comparable, Sendable {
    /// SSE2 on x86-64, NEON on arm64.
    case baseline
    /// AVX2, FMA and F16C, which converts half precision.
    case avx2
    /// AVX-512 F, BW, DQ and VL.
    case avx512
    /// AVX-512 F, BW, DQ, VL and BF16, which has a dot product of bfloat16 pairs.
    case avx512bf16

    package static func < (a: InstructionSet, b: InstructionSet) -> Bool { a.rawValue < b.rawValue }

    /// Whether this CPU has the instruction set.
    package var isAvailable: Bool {
        unsafe flow_kernels_of(flow_instruction_set(rawValue: rawValue)) != nil
    }

    /// Best instruction set of this CPU.
    package static let best = allCases.last { $0.isAvailable }!  // baseline always is
}

/// The C kernels of one instruction set.
@safe
package struct Kernels: @unchecked Sendable {
    /// Instruction set that the kernels are compiled for.
    package let instructionSet: InstructionSet
    /// Table of C functions, a constant of the program: never written, so safe in any thread.
    let table: UnsafePointer<flow_kernels>

    /// The kernels of `set`, or nil where this CPU lacks its instructions.
    package init?(_ set: InstructionSet) {
        guard let table = unsafe flow_kernels_of(flow_instruction_set(rawValue: set.rawValue)) else { return nil }
        instructionSet = set
        unsafe self.table = table
    }

    /// Kernels of the CPU's best instruction set.
    package static let best = Kernels(.best)!  // available by definition
}
