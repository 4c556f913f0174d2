/// The plain twin of every C kernel: what it computes, in the order in which it computes it, without vectors.
package enum Reference {}
