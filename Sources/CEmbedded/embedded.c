#include "embedded.h"

// #embed is C23 (N3017); clang has it as an extension in every C mode. It costs no compile time, unlike an array
// literal, and the bytes stay in the read-only pages of the file, shared and loaded on demand.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Tensors are read in place as 4-byte floats.
_Alignas(64) const unsigned char tusk_embedded_model[] = {
#embed "../../Models/animals.safetensors" if_empty(0)
};
const size_t tusk_embedded_model_size = sizeof tusk_embedded_model;

const unsigned char tusk_embedded_openapi[] = {
#embed "../../openapi.yaml"
};
const size_t tusk_embedded_openapi_size = sizeof tusk_embedded_openapi;
