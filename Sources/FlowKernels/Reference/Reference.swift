/// Plain twins of the C kernels: what each computes, in the order in which it computes it, without vectors.
package enum Reference {}
