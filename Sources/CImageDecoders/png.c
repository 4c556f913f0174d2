#include "CImageDecoders.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

// Bytes of the file that are read, and inflated, at a time: between them the decoder can be stopped. One of them unfolds to
// 1032 bytes at most, so the longest takes a few milliseconds.
#define LONGEST_READ 4096
#define SHORTEST_READ 256
// Room for the headers of deflate's blocks in what a row may take of the file.
#define ROW_SLACK 1024
// Passes of an interlaced file.
#define PASSES 7
// A checksum, and the length and type of a chunk.
#define CHUNK_FRAME 12

struct tusk_png_decoder {
    struct tusk_image_file file;
    png_structp png;
    png_infop info;
    size_t position;
    // Position beyond which the row that is being read cannot need the file.
    size_t allowed;
    int passes;
    // Bytes of the file that were read when all rows were there, in search of the end of the compressed data, and at most.
    size_t sought, most_sought;
    enum tusk_decode_status status;
    char message[TUSK_DECODE_MESSAGE_BYTES];
};

static void fail(png_structp png, png_const_charp message) {
    struct tusk_png_decoder *decoder = png_get_error_ptr(png);
    if (decoder->status == TUSK_DECODE_DONE) {
        decoder->status = TUSK_DECODE_FAILED;
        strncpy(decoder->message, message, sizeof decoder->message - 1);
    }
    png_longjmp(png, 1);
}

// What libpng warns of when there is something behind the data of the last row: bytes behind the compressed stream, or data of more rows.
static void hear(png_structp png, png_const_charp message) {
    if (!strstr(message, "Extra compressed data") && !strstr(message, "Too much image data")) fail(png, message);
}

// Whether all rows of all passes have been read and written, so that libpng is looking for the end of the compressed data.
static bool has_all_rows(png_structp png, const struct tusk_png_decoder *decoder) {
    if (decoder->passes == 0) return false;
    return decoder->passes > 1 ? png_get_current_pass_number(png) >= PASSES
                               : png_get_current_row_number(png) >= png_get_image_height(png, decoder->info);
}

static void read_data(png_structp png, png_bytep target, size_t count) {
    struct tusk_png_decoder *decoder = png_get_io_ptr(png);
    // libpng unfolds whatever follows the last row, a gigabyte from one megabyte, only to say that it is too much. The end of a stream is a
    // few bytes, its checksum among them, so one more read holds it.
    if (has_all_rows(png, decoder) && (decoder->sought += count) > decoder->most_sought)
        png_longjmp(png, 1);  // with TUSK_DECODE_DONE
    if (decoder->file.is_stopped(decoder->file.context)) {
        decoder->status = TUSK_DECODE_STOPPED;
        png_longjmp(png, 1);
    }
    if (count > decoder->file.count - decoder->position) png_error(png, "the file ends too early");
    if (decoder->allowed > 0 && decoder->position + count > decoder->allowed)
        png_error(png, "more image data than a row has");
    memcpy(target, decoder->file.bytes + decoder->position, count);
    decoder->position += count;
}

static size_t clamped(size_t value, size_t least, size_t most) {
    return value < least ? least : value > most ? most : value;
}

enum tusk_decode_status tusk_png_open(
    const struct tusk_image_file *file, struct tusk_png_decoder **result, struct tusk_image_info *info) {
    struct tusk_png_decoder *decoder = *result = calloc(1, sizeof *decoder);
    if (!decoder) return TUSK_DECODE_FAILED;
    decoder->file = *file;
    decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder, fail, hear);
    if (!decoder->png) return TUSK_DECODE_FAILED;
    if (setjmp(png_jmpbuf(decoder->png))) return decoder->status;

    png_structp png = decoder->png;
    decoder->info = png_create_info_struct(png);
    if (!decoder->info) png_error(png, "out of memory");
    png_set_read_fn(png, decoder, read_data);
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_read_info(png, decoder->info);

    bool has_color = png_get_color_type(png, decoder->info) & PNG_COLOR_MASK_COLOR;
    bool has_alpha = png_get_color_type(png, decoder->info) & PNG_COLOR_MASK_ALPHA
        || png_get_valid(png, decoder->info, PNG_INFO_tRNS);
    info->width = png_get_image_width(png, decoder->info);
    info->height = png_get_image_height(png, decoder->info);
    info->kind = (has_color ? 3 : 1) + (has_alpha ? 1 : 0);
    return TUSK_DECODE_DONE;
}

enum tusk_decode_status tusk_png_read(struct tusk_png_decoder *decoder, uint8_t *pixels) {
    if (setjmp(png_jmpbuf(decoder->png))) return decoder->status;

    png_structp png = decoder->png;
    // Of the file, before it is expanded: a row of it takes no more than twice as much, whoever compressed it.
    size_t row_bytes = png_get_rowbytes(png, decoder->info);
    size_t read_bytes = clamped(row_bytes, SHORTEST_READ, LONGEST_READ);
    png_set_compression_buffer_size(png, read_bytes);
    png_set_expand(png);
    png_set_scale_16(png);
    int passes = png_set_interlace_handling(png);
    decoder->passes = passes;
    decoder->most_sought = read_bytes + CHUNK_FRAME;
    png_read_update_info(png, decoder->info);
    size_t stride = png_get_rowbytes(png, decoder->info);
    uint32_t height = png_get_image_height(png, decoder->info);
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t row = 0; row < height; row++) {
            decoder->allowed = decoder->position + 2 * row_bytes + read_bytes + ROW_SLACK;
            png_read_row(png, pixels + row * stride, NULL);
        }
    }
    return TUSK_DECODE_DONE;
}

const char *tusk_png_message(const struct tusk_png_decoder *decoder) {
    return decoder && decoder->message[0] ? decoder->message : "out of memory";
}

void tusk_png_free(struct tusk_png_decoder *decoder) {
    if (!decoder) return;
    if (decoder->png) png_destroy_read_struct(&decoder->png, &decoder->info, NULL);
    free(decoder);
}
