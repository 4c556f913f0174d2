#define _GNU_SOURCE
#include "CFlowKernels.h"

#ifdef __GLIBC__
#include <link.h>
#include <unistd.h>

struct list {
    struct flow_page_range *ranges;
    int capacity, count;
};

// Whether code was changed when the object was loaded, as that of libraries without position-independent code is.
static int has_text_relocations(const ElfW(Dyn) *entry) {
    for (; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL))) return 1;
    return 0;
}

static int add_object(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    struct list *list = data;
    // The program has no name here, libraries have paths; what has neither, such as the vDSO, has no file.
    if (object->dlpi_name[0] != 0 && object->dlpi_name[0] != '/') return 0;
    const uintptr_t page = sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_DYNAMIC && has_text_relocations((const void *)start)) return 0;
    }
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        // What is relocated stands in segments that can be written to, though not for good.
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        const uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        const uintptr_t first = (start + page - 1) / page * page, last = (start + segment->p_memsz) / page * page;
        if (first >= last) continue;
        if (list->count < list->capacity) list->ranges[list->count] = (struct flow_page_range){first, last};
        list->count++;
    }
    return 0;
}
#endif

int flow_unchanged_pages(struct flow_page_range *ranges, int capacity) {
#ifdef __GLIBC__
    struct list list = {ranges, capacity, 0};
    dl_iterate_phdr(add_object, &list);
    return list.count;
#else
    (void)ranges, (void)capacity;
    return 0;
#endif
}
