// The low-level SHA-256 functions are called deprecated since 3.0.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
