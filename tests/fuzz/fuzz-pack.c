/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a pack, after the compression, which is not ours, and any text as an index of packs.
 */

#include "fuzz.h"
#include "store/compress.h"
#include "store/pack.h"

#include <endian.h>
#include <stdlib.h>

#define MOST 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_buffer_ Buffer file = BUFFER_NULL, head = BUFFER_NULL, text = BUFFER_NULL;
        uint32_t head_size;
        PackIndex index;
        Pack p;

        if (pack_index_parse("index", (const char *)data, size, &index, NULL) >= 0 &&
            (index.n > PACK_COUNT_MAX || pack_index_write(&index, &text) < 0))
                abort();
        if (pack_parse(data, size, MOST, &p, NULL) >= 0)
                pack_done(&p);
        if (compress_memory(data, size, 1, NULL, 0, &head) < 0)
                return 0;
        head_size = htole32((uint32_t)head.size);
        buffer_puts(&file, "stead-pack 1\n");
        buffer_append(&file, &head_size, sizeof(head_size));
        buffer_append(&file, head.data, head.size);
        if (pack_parse(file.data, file.size, MOST, &p, NULL) < 0)
                return 0;
        if (p.bytes > MOST || p.frame_offset != file.size)
                abort();
        pack_done(&p);
        return 0;
}
