/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/library-path.h"

#include "base/buffer.h"
#include "base/strv.h"
#include "os/path.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CACHE_LIMIT ((size_t)4 * 1024 * 1024) /* ten times that of a large desktop */
#define CACHE_MATCHES_MAX 16                  /* no tree is for more architectures */
#define CACHE_MAGIC "glibc-ld.so.cache1.1"    /* sysdeps/generic/dl-cache.h */

/* As the file has it, in the order of bytes of its machine; ours are all little-endian. */
typedef struct CacheHeader {
        char magic[20];
        uint32_t n_libraries, strings_size;
        uint8_t flags, padding[3];
        uint32_t extension_offset, unused[3];
} CacheHeader;

typedef struct CacheEntry {
        int32_t flags;
        uint32_t key, value; /* offsets from the header's start */
        uint32_t os_version;
        uint64_t hwcap;
} CacheEntry;

void library_cache_done(LibraryCache *cache)
{
        free(cache->data);
        *cache = (LibraryCache){};
}

int library_cache_load(int root_fd, LibraryCache *ret)
{
        char *data = NULL;
        ssize_t size = path_read(root_fd, "/etc/ld.so.cache", CACHE_LIMIT, &data);
        CacheHeader h;

        if (size == -ENOMEM)
                return -ENOMEM;
        if (size < (ssize_t)sizeof(h) || memcmp(data, CACHE_MAGIC, sizeof(h.magic)) != 0) {
                free(data);
                *ret = (LibraryCache){};
                return 0;
        }
        *ret = (LibraryCache){ data, (size_t)size };
        return 0;
}

/* What was read has a zero at its end. */
static const char *cache_string(const LibraryCache *cache, uint32_t offset)
{
        return offset < cache->size ? cache->data + offset : NULL;
}

/* The entry number @i: 1, or 0 behind the last one. Its strings are NULL if it is of no use. */
static int cache_entry(const LibraryCache *cache, size_t i, CacheEntry *ret, const char **ret_key,
                       const char **ret_value)
{
        CacheHeader h = {};
        size_t at = sizeof(h) + i * sizeof(CacheEntry);

        if (cache->data)
                memcpy(&h, cache->data, sizeof(h));
        if (i >= h.n_libraries || at + sizeof(*ret) > cache->size)
                return 0;
        memcpy(ret, cache->data + at, sizeof(*ret));
        *ret_key = cache_string(cache, ret->key);
        *ret_value = cache_string(cache, ret->value);
        /* variants for newer processors are only faster, and may be too new */
        if (!*ret_key || !*ret_value || ret->hwcap != 0)
                *ret_key = *ret_value = NULL;
        return 1;
}

int library_cache_find(const LibraryCache *cache, const char *soname, char ***ret)
{
        const char *key, *value;
        CacheEntry e;
        size_t n = 0;

        for (size_t i = 0; n < CACHE_MATCHES_MAX && cache_entry(cache, i, &e, &key, &value); i++) {
                if (!key || strcmp(key, soname) != 0)
                        continue;
                if (strv_push(ret, value) < 0)
                        return -ENOMEM;
                n++;
        }
        return 0;
}

/* The entries stay in their order, in which the loader looks for them. */
int library_cache_select(const LibraryCache *cache, char *const *paths, char **ret,
                         size_t *ret_size)
{
        _cleanup_buffer_ Buffer entries = BUFFER_NULL, strings = BUFFER_NULL, file = BUFFER_NULL;
        CacheHeader h = {};
        const char *key, *value;
        CacheEntry e;

        for (size_t i = 0; cache_entry(cache, i, &e, &key, &value); i++) {
                if (!value || !strv_contains(paths, value))
                        continue;
                e.key = (uint32_t)strings.size; /* for now: they begin behind the last entry */
                buffer_append(&strings, key, strlen(key) + 1);
                e.value = (uint32_t)strings.size;
                buffer_append(&strings, value, strlen(value) + 1);
                buffer_append(&entries, &e, sizeof(e));
        }
        if (cache->data)
                memcpy(&h, cache->data, sizeof(h));
        h.n_libraries = (uint32_t)(entries.size / sizeof(e));
        h.strings_size = (uint32_t)strings.size;
        h.extension_offset = 0;
        buffer_append(&file, &h, sizeof(h));
        for (size_t i = 0; i < h.n_libraries && buffer_error(&entries) >= 0; i++) {
                memcpy(&e, entries.data + i * sizeof(e), sizeof(e));
                e.key += (uint32_t)(sizeof(h) + entries.size);
                e.value += (uint32_t)(sizeof(h) + entries.size);
                buffer_append(&file, &e, sizeof(e));
        }
        buffer_append(&file, strings.data, strings.size);
        if (buffer_error(&entries) < 0 || buffer_error(&strings) < 0)
                return -ENOMEM;
        *ret_size = file.size;
        *ret = buffer_steal(&file);
        return *ret ? 0 : -ENOMEM;
}

typedef struct Token {
        const char *name, *value;
} Token;

/* One directory of a RPATH or RUNPATH. An unknown token makes it of no use, as for the loader. */
static int expand(const char *path, size_t length, const Token *tokens, size_t n, Buffer *out)
{
        for (const char *s = path, *end = path + length; s < end;) {
                size_t i = 0, plain = 0;

                while (s + plain < end && s[plain] != '$')
                        plain++;
                buffer_append(out, s, plain);
                s += plain;
                if (s == end)
                        break;
                for (; i < n; i++) {
                        size_t size = strlen(tokens[i].name);
                        bool braced = s + 1 < end && s[1] == '{';
                        const char *name = s + 1 + braced;

                        if ((size_t)(end - name) >= size + braced &&
                            memcmp(name, tokens[i].name, size) == 0 &&
                            (!braced || name[size] == '}')) {
                                buffer_puts(out, tokens[i].value);
                                s = name + size + braced;
                                break;
                        }
                }
                if (i == n)
                        return -EINVAL;
        }
        return buffer_error(out);
}

/* Debian's directory of an architecture (multiarch-tuples), or NULL. */
static const char *triplet(const ElfFile *e)
{
        static const struct {
                uint16_t machine;
                const char *name;
        } triplets[] = {
                { EM_X86_64, "x86_64-linux-gnu" },   { EM_386, "i386-linux-gnu" },
                { EM_AARCH64, "aarch64-linux-gnu" }, { EM_ARM, "arm-linux-gnueabihf" },
                { EM_RISCV, "riscv64-linux-gnu" },   { EM_PPC64, "powerpc64le-linux-gnu" },
                { EM_S390, "s390x-linux-gnu" },
        };

        for (size_t i = 0; i < ELEMENTSOF(triplets); i++)
                if (triplets[i].machine == e->machine)
                        return triplets[i].name;
        return NULL;
}

static const char *platform(const ElfFile *e)
{
        switch (e->machine) {
        case EM_X86_64:
                return "x86_64";
        case EM_386:
                return "i686";
        case EM_AARCH64:
                return "aarch64";
        case EM_ARM:
                return "v7l";
        default:
                return "";
        }
}

/* @text with its tokens, and "/" and @name if there is one. What $LIB is was built into each
 * loader: of Debian's it is "lib/x86_64-linux-gnu", of others "lib64". */
static int add_expanded(const LibraryLoader *l, const char *text, size_t length, const char *name,
                        char ***out)
{
        const char *multiarch = triplet(l->elf);
        size_t n = memmem(text, length, "LIB", 3) ? 2 : 1;
        char libs[2][64];

        (void)snprintf(libs[0], sizeof(libs[0]), "lib%s%s", multiarch ? "/" : "", multiarch ?: "");
        (void)snprintf(libs[1], sizeof(libs[1]), "lib%s", l->elf->class == ELFCLASS64 ? "64" : "");
        for (size_t i = 0; i < n; i++) {
                const Token tokens[] = { { "ORIGIN", l->directory },
                                         { "LIB", libs[i] },
                                         { "PLATFORM", platform(l->elf) } };
                _cleanup_buffer_ Buffer path = BUFFER_NULL;
                int r = expand(text, length, tokens, ELEMENTSOF(tokens), &path);

                if (r >= 0 && name)
                        buffer_printf(&path, "/%s", name);
                if (r == -ENOMEM || buffer_error(&path) < 0)
                        return -ENOMEM;
                if (r >= 0 && path.data && path.data[0] == '/' && strv_push(out, path.data) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_directories(const LibraryLoader *l, const char *list, const char *name, char ***out)
{
        for (const char *s = list; s && *s;) {
                size_t length = strcspn(s, ":");
                int r = add_expanded(l, s, length, name, out);

                if (r < 0)
                        return r;
                s += length + (s[length] == ':');
        }
        return 0;
}

/* Debian's directories of each architecture, then the loader's own. */
static int add_defaults(const ElfFile *e, const char *name, char ***out)
{
        static const char *const directories[] = { "/lib", "/usr/lib" };
        const char *multiarch = triplet(e);
        int r = 0;

        for (size_t j = 0; r >= 0 && multiarch && j < ELEMENTSOF(directories); j++)
                r = strv_pushf(out, "%s/%s/%s", directories[j], multiarch, name);
        for (size_t j = 0; r >= 0 && j < ELEMENTSOF(directories); j++) {
                if (e->class == ELFCLASS64)
                        r = strv_pushf(out, "%s64/%s", directories[j], name);
                if (r >= 0)
                        r = strv_pushf(out, "%s/%s", directories[j], name);
        }
        return r;
}

bool library_path_is_default(const ElfFile *e, const char *path, const char *name)
{
        _cleanup_strv_ char **list = NULL;

        return add_defaults(e, name, &list) >= 0 && strv_contains(list, path);
}

int library_path_candidates(const LibraryLoader *loader, const LibraryCache *cache,
                            const char *name, char ***ret)
{
        _cleanup_strv_ char **list = NULL;
        int r = 0;

        if (strchr(name, '/')) /* a path; one from the working directory may be anywhere */
                return add_expanded(loader, name, strlen(name), NULL, ret);
        for (const LibraryLoader *l = loader; r >= 0 && l && !loader->elf->runpath; l = l->by)
                if (!l->elf->runpath)
                        r = add_directories(l, l->elf->rpath, name, &list);
        if (r >= 0)
                r = add_directories(loader, loader->elf->runpath, name, &list);
        if (r >= 0)
                r = library_cache_find(cache, name, &list);
        if (r >= 0)
                r = add_defaults(loader->elf, name, &list);
        if (r >= 0)
                *ret = TAKE_PTR(list);
        return r;
}
