// Decoders of PNG, JPEG and WebP that can be stopped between rows, scans and reads of the file.
//
// libpng and libjpeg report errors by longjmp, which must not cross Swift frames: here it ends in the C function that Swift
// called. A warning of either library that says something of the pixels is an error, so an image is never partly decoded.
#ifndef C_IMAGE_DECODERS_H
#define C_IMAGE_DECODERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tusk_decode_status {
    TUSK_DECODE_DONE,
    // The file is damaged: the message says why.
    TUSK_DECODE_FAILED,
    // The file is sound, and the library does not read its kind: the message names what it needs, as "lossless compression".
    TUSK_DECODE_UNSUPPORTED,
    // `is_stopped` said so.
    TUSK_DECODE_STOPPED,
    // More scans than `max_scans`.
    TUSK_DECODE_SCANS,
};

// A file in memory, which outlives its decoder, and when to give it up.
struct tusk_image_file {
    const uint8_t *bytes;
    size_t count;
    // Whether to stop; asked for every row, at least once for every few thousand bytes of the file, and must not jump.
    bool (*is_stopped)(void *context);
    void *context;
};

// Kinds of pixels, 8 bits a channel.
enum tusk_pixel_kind {
    TUSK_PIXELS_GRAY = 1,
    TUSK_PIXELS_GRAY_ALPHA = 2,
    TUSK_PIXELS_RGB = 3,
    TUSK_PIXELS_RGBA = 4,
};

struct tusk_image_info {
    uint32_t width, height;
    enum tusk_pixel_kind kind;
};

#define TUSK_DECODE_MESSAGE_BYTES 256

// A PNG whose image data is one IDAT chunk. Checksums of chunks are not looked at, nor what follows the data of the last row, of which
// there may be any amount. `info` is what the pixels will be.
// Free `*decoder` in any case.
struct tusk_png_decoder;
enum tusk_decode_status tusk_png_open(
    const struct tusk_image_file *file, struct tusk_png_decoder **decoder, struct tusk_image_info *info);
// Decodes to `height` rows of `width` times the kind's channels bytes.
enum tusk_decode_status tusk_png_read(struct tusk_png_decoder *decoder, uint8_t *pixels);
const char *tusk_png_message(const struct tusk_png_decoder *decoder);
void tusk_png_free(struct tusk_png_decoder *decoder);

// A JPEG of at most `max_scans` scans. CMYK becomes rgb. Free `*decoder` in any case.
struct tusk_jpeg_decoder;
enum tusk_decode_status tusk_jpeg_open(
    const struct tusk_image_file *file, int max_scans, struct tusk_jpeg_decoder **decoder,
    struct tusk_image_info *info);
// Decodes to `height` rows of `width` times the kind's channels bytes; the kind is gray or rgb.
enum tusk_decode_status tusk_jpeg_read(struct tusk_jpeg_decoder *decoder, uint8_t *pixels);
const char *tusk_jpeg_message(const struct tusk_jpeg_decoder *decoder);
// Number of the scan that was being read last, from 1.
int tusk_jpeg_scan(const struct tusk_jpeg_decoder *decoder);
void tusk_jpeg_free(struct tusk_jpeg_decoder *decoder);

// What the header of a WebP says, lossy or lossless. `*reason` is a fixed text for TUSK_DECODE_FAILED.
enum tusk_decode_status tusk_webp_open(
    const uint8_t *bytes, size_t count, struct tusk_image_info *info, bool *is_animated, const char **reason);
// Decodes to `info->height` rows of `info->width` times the kind's channels bytes; asks whether to stop between portions of the file.
enum tusk_decode_status tusk_webp_read(
    const struct tusk_image_file *file, const struct tusk_image_info *info, uint8_t *pixels, const char **reason);

#endif
