#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H

/// Blocks that this thread has asked the allocator for so far: malloc, calloc, realloc and the aligned ones, which this
/// target puts in front of the C library's in a program that links it.
long allocation_count(void);

#endif
