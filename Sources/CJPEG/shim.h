// The TurboJPEG interface of libjpeg-turbo: it returns errors. libjpeg's own interface reports them by longjmp, which
// must not cross Swift frames.
#include <turbojpeg.h>
