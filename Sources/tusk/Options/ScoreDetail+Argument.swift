public import ArgumentParser
public import FlowModels
public import Imaging

extension ScoreDetail: ExpressibleByArgument {}
extension ImageFit: ExpressibleByArgument {}
extension ArrayLayout: ExpressibleByArgument {}
extension ValueScale: ExpressibleByArgument {}
extension Background: ExpressibleByArgument {}
