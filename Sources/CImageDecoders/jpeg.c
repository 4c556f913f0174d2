#include "CImageDecoders.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

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

// What the file needs, if `jpeg` has met an error for want of it: a sound file, of a kind that the library does not read.
static bool name_feature(j_common_ptr jpeg, char *feature, size_t size) {
    int number = jpeg->err->msg_parm.i[0];
    switch (jpeg->err->msg_code) {
    case JERR_BAD_PRECISION: snprintf(feature, size, "values of %d bits", number); return true;
    case JERR_COMPONENT_COUNT: snprintf(feature, size, "%d channels", number); return true;
    case JERR_SOF_UNSUPPORTED:
        // ITU-T T.81, table B.1: the last code of each four is lossless; the others that are not read are differential.
        snprintf(feature, size, (number & 3) == 3 ? "lossless compression" : "differential frames");
        return true;
    case JERR_ARITH_NOTIMPL: snprintf(feature, size, "arithmetic coding"); return true;
    case JERR_FRACT_SAMPLE_NOTIMPL: snprintf(feature, size, "fractional chroma sampling"); return true;
    case JERR_CCIR601_NOTIMPL: snprintf(feature, size, "CCIR 601 sampling"); return true;
    case JERR_EMPTY_IMAGE:
        // ITU-T T.81, B.2.5: the number of lines may be left to a segment behind the first scan.
        if (decoder_of(jpeg)->jpeg.image_width == 0) return false;
        snprintf(feature, size, "a height that follows the image");
        return true;
    default: return false;
    }
}

static void fail(j_common_ptr jpeg) {
    struct tusk_jpeg_decoder *decoder = decoder_of(jpeg);
    if (name_feature(jpeg, decoder->message, sizeof decoder->message)) leave(decoder, TUSK_DECODE_UNSUPPORTED);
    jpeg->err->format_message(jpeg, decoder->message);
    leave(decoder, TUSK_DECODE_FAILED);
}

// Whether a warning says nothing of the pixels: they are those that the encoder meant.
static bool is_harmless(int warning) {
    switch (warning) {
    // Bytes that belong to no segment: padding between segments, behind a scan, before EOI.
    case JWRN_EXTRANEOUS_DATA:
    // A version of JFIF to come.
    case JWRN_JFIF_MAJOR:
    // A colour transform that Adobe has not defined: the library takes the usual one, as other readers do.
    case JWRN_ADOBE_XFORM:
    // Baseline files with zeros where the spectral selection stands, which a sequential decoder does not use.
    case JWRN_NOT_SEQUENTIAL:
    // A profile of colours, which is not read.
    case JWRN_BOGUS_ICC: return true;
    // Data that is cut off (JWRN_JPEG_EOF, JWRN_HIT_MARKER), corrupt (JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE), in pieces of which
    // some are missing (JWRN_MUST_RESYNC, JWRN_BOGUS_PROGRESSION), and what later versions warn of.
    default: return false;
    }
}

static void hear(j_common_ptr jpeg, int level) {
    if (level < 0 && !is_harmless(jpeg->err->msg_code)) fail(jpeg);  // a warning; what is not is a trace
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
    // Later versions of the library read more.
    if (jpeg->data_precision != 8) ERREXIT1(jpeg, JERR_BAD_PRECISION, jpeg->data_precision);
    info->width = jpeg->image_width;
    info->height = jpeg->image_height;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE: info->kind = TUSK_PIXELS_GRAY; break;
    case JCS_RGB:
    case JCS_YCbCr:
    case JCS_CMYK:
    case JCS_YCCK: info->kind = TUSK_PIXELS_RGB; break;
    default: ERREXIT2(jpeg, JERR_COMPONENT_COUNT, jpeg->num_components, 4);
    }
    return TUSK_DECODE_DONE;
}

// Product of two fractions of 255, rounded.
static unsigned product255(unsigned a, unsigned b) {
    unsigned value = a * b + 128;
    return (value + (value >> 8)) >> 8;
}

// CMYK as Adobe's programs store it, and all readers take it to be stored: inverted, 255 for no ink.
static void rgb_of_cmyk(const uint8_t *cmyk, uint32_t count, uint8_t *rgb) {
    for (uint32_t i = 0; i < count; i++, cmyk += 4)
        for (int channel = 0; channel < 3; channel++) *rgb++ = cmyk[3] - product255(255 - cmyk[channel], cmyk[3]);
}

enum tusk_decode_status tusk_jpeg_read(struct tusk_jpeg_decoder *decoder, uint8_t *pixels) {
    if (setjmp(decoder->escape)) return decoder->status;

    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    bool has_black = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space =
        has_black ? JCS_CMYK : jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    size_t stride = (size_t)jpeg->output_width * (has_black ? 3 : (size_t)jpeg->output_components);
    // Freed with the decoder.
    JSAMPARRAY inks = has_black
        ? jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4, 1)
        : NULL;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = pixels + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, inks ? inks : &row, 1);
        if (inks) rgb_of_cmyk(inks[0], jpeg->output_width, row);
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
