// Glibc's own module leaves this header out.
#include <sys/epoll.h>
