/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names from the symbol tables of the files that the code came from.
 *
 * The linker's own table in memory knows exported functions only, and most of
 * ours are static.  So .symtab is read from the file, or .dynsym where there
 * is no other, in small pieces with pread(): nothing is mapped that could be
 * cut short under our eyes, nothing is allocated, nothing is kept.  Every
 * number from the file is checked before it is used.
 *
 * A file that was replaced since it was loaded would give wrong names.  Its
 * first kilobyte, with program headers and as a rule the build id, is compared
 * with what is in memory.
 */
#include "mem/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "mem/trace.h"

enum { SYMBOLS_AT_ONCE = 64, NAME_BYTES = 128, COMPARED_BYTES = 1024 };

static bool
read_at(int fd, void *out, size_t bytes, uint64_t offset)
{
    ssize_t n;

    if (offset > INT64_MAX - bytes)
        return false;
    do
        n = pread(fd, out, bytes, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n >= 0 && (size_t)n == bytes;
}

static bool
section_read(int fd, const ElfW(Ehdr) * eh, uint32_t i, ElfW(Shdr) * out)
{
    uint64_t offset;

    return i < eh->e_shnum && eh->e_shentsize == sizeof(*out) &&
           !__builtin_add_overflow(eh->e_shoff, i * sizeof(*out), &offset) &&
           read_at(fd, out, sizeof(*out), offset);
}

/* The full table, or the linker's. */
static bool
table_find(int fd, const ElfW(Ehdr) * eh, ElfW(Shdr) * table)
{
    bool found = false;

    for (uint32_t i = 0; i < eh->e_shnum; i++) {
        ElfW(Shdr) sh;

        if (!section_read(fd, eh, i, &sh))
            return found;
        if (sh.sh_entsize != sizeof(ElfW(Sym)))
            continue;
        if (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM) {
            *table = sh;
            found = true;
        }
        if (sh.sh_type == SHT_SYMTAB)
            return true;
    }
    return found;
}

static bool
covers(const ElfW(Sym) * sym, uint64_t addr)
{
    return ELF64_ST_TYPE(sym->st_info) == STT_FUNC &&
           sym->st_shndx != SHN_UNDEF && addr >= sym->st_value &&
           addr - sym->st_value < sym->st_size;
}

static bool
function_find(int fd, const ElfW(Shdr) * table, uint64_t addr, ElfW(Sym) * out)
{
    ElfW(Sym) syms[SYMBOLS_AT_ONCE];
    uint64_t left = table->sh_size / sizeof(syms[0]);
    uint64_t offset = table->sh_offset;

    while (left > 0) {
        size_t n = left < SYMBOLS_AT_ONCE ? left : SYMBOLS_AT_ONCE;

        if (!read_at(fd, syms, n * sizeof(syms[0]), offset))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (covers(&syms[i], addr)) {
                *out = syms[i];
                return true;
            }
        }
        left -= n;
        offset += n * sizeof(syms[0]);
    }
    return false;
}

/* Names longer than NAME_BYTES are cut. */
static bool
name_read(int fd, const ElfW(Ehdr) * eh, const ElfW(Shdr) * table,
          const ElfW(Sym) * sym, char name[NAME_BYTES])
{
    ElfW(Shdr) strings;
    uint64_t offset;
    size_t bytes = NAME_BYTES - 1;

    if (!section_read(fd, eh, table->sh_link, &strings) ||
        strings.sh_type != SHT_STRTAB || sym->st_name >= strings.sh_size ||
        __builtin_add_overflow(strings.sh_offset, sym->st_name, &offset))
        return false;
    if (bytes > strings.sh_size - sym->st_name)
        bytes = strings.sh_size - sym->st_name;
    if (!read_at(fd, name, bytes, offset))
        return false;
    name[bytes] = '\0';
    return name[0] != '\0';
}

/* Is it still the file that was loaded? */
static bool
is_loaded_file(int fd, const void *loaded)
{
    uint8_t start[COMPARED_BYTES];

    return read_at(fd, start, sizeof(start), 0) &&
           memcmp(start, loaded, sizeof(start)) == 0;
}

static bool
lookup(int fd, const void *loaded, uint64_t addr, char name[NAME_BYTES],
       uint64_t *start)
{
    ElfW(Ehdr) eh;
    ElfW(Shdr) table = {0};
    ElfW(Sym) sym;

    if (!is_loaded_file(fd, loaded) || !read_at(fd, &eh, sizeof(eh), 0) ||
        memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
        eh.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return false;
    if (!table_find(fd, &eh, &table) ||
        !function_find(fd, &table, addr, &sym) ||
        !name_read(fd, &eh, &table, &sym, name))
        return false;
    *start = sym.st_value;
    return true;
}

/* The program has no name in the linker's list. */
static const char *
file_name(const char *path, char program[PATH_MAX])
{
    const char *slash;
    ssize_t n;

    if (path[0] == '\0') {
        n = readlink("/proc/self/exe", program, PATH_MAX - 1);
        program[n > 0 ? n : 0] = '\0';
        path = program;
    }
    slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

void
symbol_put(struct text *t, const void *frame)
{
    /* The call, which may be a function's last instruction. */
    uintptr_t call = (uintptr_t)frame - 1;
    char name[NAME_BYTES], program[PATH_MAX];
    struct dl_find_object object;
    const char *path;
    uint64_t start, addr;
    bool known = false;
    int fd;

    if (frame == NULL || _dl_find_object((void *)call, &object) != 0) {
        text_put_hex(t, (uintptr_t)frame);
        return;
    }
    path = object.dlfo_link_map->l_name;
    addr = call - object.dlfo_link_map->l_addr;
    fd = open(path[0] != '\0' ? path : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        known = lookup(fd, object.dlfo_map_start, addr, name, &start);
        (void)close(fd);
    }
    if (known) {
        text_put(t, name);
        text_put(t, "+");
        text_put_hex(t, addr + 1 - start);
        text_put(t, " (");
        text_put(t, file_name(path, program));
        text_put(t, ")");
    } else {
        text_put(t, file_name(path, program));
        text_put(t, "+");
        text_put_hex(t, addr + 1);
    }
}

void
symbol_put_stack(struct text *t, void *const *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            text_put(t, " < ");
        symbol_put(t, frames[i]);
    }
    if (count == 0)
        text_put(t, "(unknown)");
}

void
mem_trace_symbol(const void *frame, char *text, size_t text_bytes)
{
    struct text t;

    if (text_bytes == 0)
        return;
    text_start(&t, text, text_bytes);
    symbol_put(&t, frame);
}
