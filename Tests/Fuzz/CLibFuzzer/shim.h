// libFuzzer's own header is C++ and is not installed; this is its one C function that we call (LLVM, FuzzerInterface.h).
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
