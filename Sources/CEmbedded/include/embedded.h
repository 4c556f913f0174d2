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
