#include "CImageDecoders.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct tusk_jpeg_decoder {
    struct tusk_image_file file;
    int max_scans;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    enum tusk_decode_status status;
    char message[JMSG_LENGTH_MAX];
};

static struct tusk_jpeg_decoder *decoder_of(j_common_ptr jpeg) { return jpeg->client_data; }

static void leave(struct tusk_jpeg_decoder *decoder, enum tusk_decode_status status) {
    decoder->status = status;
    longjmp(decoder->escape, 1);
}

static void fail(j_common_ptr jpeg) {
    jpeg->err->format_message(jpeg, decoder_of(jpeg)->message);
    leave(decoder_of(jpeg), TUSK_DECODE_FAILED);
}

static void hear(j_common_ptr jpeg, int level) {
    if (level < 0) fail(jpeg);  // a warning; what is not is a trace
}

// Called by the library for each row of blocks of each scan, and for each row of pixels.
static void watch(j_common_ptr jpeg) {
    struct tusk_jpeg_decoder *decoder = decoder_of(jpeg);
    if (decoder->file.is_stopped(decoder->file.context)) leave(decoder, TUSK_DECODE_STOPPED);
    if (decoder->jpeg.input_scan_number > decoder->max_scans) leave(decoder, TUSK_DECODE_SCANS);
}

enum tusk_decode_status tusk_jpeg_open(
    const struct tusk_image_file *file, int max_scans, struct tusk_jpeg_decoder **result,
    struct tusk_image_info *info) {
    struct tusk_jpeg_decoder *decoder = *result = calloc(1, sizeof *decoder);
    if (!decoder) return TUSK_DECODE_FAILED;
    decoder->file = *file;
    decoder->max_scans = max_scans;
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    jpeg->err = jpeg_std_error(&decoder->errors);
    decoder->errors.error_exit = fail;
    decoder->errors.emit_message = hear;
    jpeg->client_data = decoder;
    if (setjmp(decoder->escape)) return decoder->status;

    jpeg_create_decompress(jpeg);  // clears all but the error manager and the client's data
    decoder->progress.progress_monitor = watch;
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, file->bytes, file->count);
    jpeg_read_header(jpeg, TRUE);
    info->width = jpeg->image_width;
    info->height = jpeg->image_height;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE: info->kind = TUSK_PIXELS_GRAY; break;
    case JCS_RGB:
    case JCS_YCbCr: info->kind = TUSK_PIXELS_RGB; break;
    default: info->kind = TUSK_PIXELS_OTHER; break;
    }
    return TUSK_DECODE_DONE;
}

enum tusk_decode_status tusk_jpeg_read(struct tusk_jpeg_decoder *decoder, uint8_t *pixels) {
    if (setjmp(decoder->escape)) return decoder->status;

    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    size_t stride = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = pixels + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    // What is left up to the end of the image must be there too.
    jpeg_finish_decompress(jpeg);
    return TUSK_DECODE_DONE;
}

const char *tusk_jpeg_message(const struct tusk_jpeg_decoder *decoder) {
    return decoder && decoder->message[0] ? decoder->message : "out of memory";
}

int tusk_jpeg_scan(const struct tusk_jpeg_decoder *decoder) { return decoder->jpeg.input_scan_number; }

void tusk_jpeg_free(struct tusk_jpeg_decoder *decoder) {
    if (!decoder) return;
    jpeg_destroy_decompress(&decoder->jpeg);
    free(decoder);
}
