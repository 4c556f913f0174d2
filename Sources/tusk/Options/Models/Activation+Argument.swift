public import ArgumentParser
public import FlowKernels

extension Activation: ExpressibleByArgument {}
