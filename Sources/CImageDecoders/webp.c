#include "CImageDecoders.h"

#include <webp/decode.h>

// Bytes of the file between two questions whether to stop. A flat picture is decoded by a single portion: the library has no seam within one.
#define PORTION 4096

static enum tusk_decode_status fail(VP8StatusCode status, const char **reason) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: *reason = "out of memory"; break;
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: *reason = "the file ends too early"; break;
    case VP8_STATUS_UNSUPPORTED_FEATURE: *reason = "unknown feature"; break;
    default: *reason = "invalid data"; break;
    }
    return TUSK_DECODE_FAILED;
}

enum tusk_decode_status tusk_webp_open(
    const uint8_t *bytes, size_t count, struct tusk_image_info *info, bool *is_animated, const char **reason) {
    WebPBitstreamFeatures features;
    VP8StatusCode status = WebPGetFeatures(bytes, count, &features);
    if (status != VP8_STATUS_OK) return fail(status, reason);
    info->width = features.width;
    info->height = features.height;
    info->kind = features.has_alpha ? TUSK_PIXELS_RGBA : TUSK_PIXELS_RGB;
    *is_animated = features.has_animation;
    return TUSK_DECODE_DONE;
}

enum tusk_decode_status tusk_webp_read(
    const struct tusk_image_file *file, const struct tusk_image_info *info, uint8_t *pixels, const char **reason) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return fail(VP8_STATUS_INVALID_PARAM, reason);
    config.output.colorspace = info->kind == TUSK_PIXELS_RGBA ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = (int)(info->width * info->kind);
    config.output.u.RGBA.size = (size_t)info->width * info->kind * info->height;
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, &config);
    if (!decoder) return fail(VP8_STATUS_OUT_OF_MEMORY, reason);

    VP8StatusCode status = VP8_STATUS_SUSPENDED;
    bool is_stopped = false;
    size_t end = 0;
    while (status == VP8_STATUS_SUSPENDED && end < file->count && !(is_stopped = file->is_stopped(file->context))) {
        end = file->count - end > PORTION ? end + PORTION : file->count;
        status = WebPIUpdate(decoder, file->bytes, end);
    }
    WebPIDelete(decoder);
    if (is_stopped) return TUSK_DECODE_STOPPED;
    return status == VP8_STATUS_OK ? TUSK_DECODE_DONE : fail(status, reason);
}
