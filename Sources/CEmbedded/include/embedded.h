// Files that travel inside the program, so that `tusk serve` needs nothing beside it.
#pragma once
#include <stddef.h>

/// Models/animals.safetensors, the model that `tusk serve` loads without --model.
extern const unsigned char tusk_embedded_model[];
extern const size_t tusk_embedded_model_size;
/// Its first byte; Swift does not see arrays of unknown size.
static inline const unsigned char *tusk_embedded_model_bytes(void) { return tusk_embedded_model; }

/// openapi.yaml, the answer to `GET /openapi.yaml`.
extern const unsigned char tusk_embedded_openapi[];
extern const size_t tusk_embedded_openapi_size;
/// Its first byte.
static inline const unsigned char *tusk_embedded_openapi_bytes(void) { return tusk_embedded_openapi; }

/// File of the web page.
struct tusk_page_file {
    /// Its path below Page/.
    const char *path;
    const unsigned char *bytes;
    size_t size;
};

/// Files of the web page, in no order.
extern const struct tusk_page_file tusk_embedded_page[];
extern const size_t tusk_embedded_page_count;
static inline struct tusk_page_file tusk_embedded_page_file(size_t index) { return tusk_embedded_page[index]; }
