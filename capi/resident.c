#define _GNU_SOURCE
#include "resident.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int contains(const struct dl_phdr_info *info, uintptr_t address)
{
	const ElfW(Phdr) *ph;
	unsigned int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		ph = &info->dlpi_phdr[i];
		if (ph->p_type == PT_LOAD &&
		    address - (info->dlpi_addr + ph->p_vaddr) < ph->p_memsz)
			return 1;
	}
	return 0;
}

/* Never of a segment that could have been written to: what is in such a page is
   not in the file. Of code neither, where a debugger may have set breakpoints. */
static int object_trim(struct dl_phdr_info *info, size_t size, void *context)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const ElfW(Phdr) *ph;
	uintptr_t begin, end;
	unsigned int i;

	(void)size;
	(void)context;
	if (!contains(info, (uintptr_t)object_trim))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		ph = &info->dlpi_phdr[i];
		if (ph->p_type != PT_LOAD || ph->p_flags != PF_R)
			continue;
		begin = info->dlpi_addr + ph->p_vaddr;
		end = (begin + ph->p_filesz) & ~(page - 1);
		begin = (begin + page - 1) & ~(page - 1);
		if (begin < end)
			(void)madvise((void *)begin, end - begin,
				      MADV_DONTNEED);
	}
	return 1;
}

void dbox_resident_trim(void)
{
	(void)dl_iterate_phdr(object_trim, NULL);
}
