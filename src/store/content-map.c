/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/content-map.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

void mapped_file_done(MappedFile *m)
{
        if (m->data)
                (void)munmap((void *)m->data, m->size); /* a mapping of ours */
        *m = MAPPED_FILE_NULL;
}

int mapped_file_open(int fd, MappedFile *ret)
{
        struct stat st;
        void *data = NULL;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size > 0) {
                data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
                if (data == MAP_FAILED)
                        return -errno;
        }
        *ret = (MappedFile){ .data = data, .size = (size_t)st.st_size };
        return 0;
}

int content_open(const Store *store, const Content *content)
{
        _cleanup_(hasher_freep) Hasher *hasher = hasher_new(); /* the store's is another thread's */

        if (!hasher)
                return -ENOMEM;
        for (size_t i = 0; i < content->n; i++) {
                Hash id;
                int fd, r = entry_object_id(hasher, content->entries[i], &id);

                if (r < 0)
                        return r;
                fd = store_open_object(store, &id);
                if (fd != -ENOENT)
                        return fd;
        }
        return -ENOENT;
}

int content_map(const Store *store, const Content *content, MappedFile *ret)
{
        _cleanup_close_ int fd = content_open(store, content);
        MappedFile m;
        int r = fd < 0 ? fd : mapped_file_open(fd, &m);

        if (r < 0)
                return r;
        if (m.size != content->size) { /* damaged */
                mapped_file_done(&m);
                return -EBADMSG;
        }
        *ret = m;
        return 0;
}
