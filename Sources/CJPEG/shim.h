// libjpeg's own interface: it can be stopped between scans, as TurboJPEG's cannot. It reports errors by longjmp, which must
// not cross Swift frames, so only CImageDecoders includes it.
#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>
