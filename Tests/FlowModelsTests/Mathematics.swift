import Glibc

extension Double {
    var exponential: Double { exp(self) }
    var logarithm: Double { log(self) }
}
