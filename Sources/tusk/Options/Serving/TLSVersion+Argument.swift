public import ArgumentParser
public import HTTPServer

extension TLSConfiguration.Version: ExpressibleByArgument {}
