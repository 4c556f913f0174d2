// Glibc's own module leaves these headers out.
#include <sys/epoll.h>
#include <sys/eventfd.h>
