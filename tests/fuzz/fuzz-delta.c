/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as the delta of two small trees, after the compression, which is not ours. */

#include "fuzz.h"
#include "store/compress.h"
#include "store/delta.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static void make_list(Content items[static 4], uint8_t first, ContentList *ret)
{
        for (uint8_t i = 0; i < 4; i++) {
                items[i] = (Content){ .size = UINT64_C(100) << (4 * i) };
                items[i].hash.bytes[0] = first + i;
        }
        *ret = (ContentList){ .items = items, .n = 4, .bytes = 100 + 1600 + 25600 + 409600 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_buffer_ Buffer delta = BUFFER_NULL, head = BUFFER_NULL;
        size_t n_head = size > 0 ? MIN_OF((size_t)data[0], size - 1) : 0;
        Content old_items[4], new_items[4];
        ContentList old, added;
        uint32_t head_size;
        Delta d;

        make_list(old_items, 0, &old);
        make_list(new_items, 100, &added);
        if (delta_parse(data, size, &old, &added, &d, NULL) >= 0)
                delta_done(&d);
        if (size == 0 || compress_memory(data + 1, n_head, 1, NULL, 0, &head) < 0)
                return 0;
        head_size = htole32((uint32_t)head.size);
        buffer_puts(&delta, "stead-delta 1\n");
        buffer_append(&delta, &head_size, sizeof(head_size));
        buffer_append(&delta, head.data, head.size);
        buffer_append(&delta, data + 1 + n_head, size - 1 - n_head);
        if (delta_parse(delta.data, delta.size, &old, &added, &d, NULL) < 0)
                return 0;
        for (size_t i = 0; i < d.n; i++)
                if (d.items[i].offset + d.items[i].size > delta.size ||
                    (d.items[i].base &&
                     (d.items[i].base < old_items || d.items[i].base >= old_items + 4)))
                        abort();
        delta_done(&d);
        return 0;
}
