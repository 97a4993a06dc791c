/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any file as a disk image, without the sandbox. Whatever is said about it can be read. */

#include "dissect/dissect.h"
#include "fuzz.h"
#include "image/disk-layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_SIZE ((size_t)2 << 20)
#define HEADER 512
#define HEADER_SIZE 92

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
        uint32_t crc = ~0U;

        while (size-- > 0) {
                crc ^= *data++;
                for (int i = 0; i < 8; i++)
                        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        return ~crc;
}

/* Makes the checksums of a GPT right, or no input would get behind them. */
static void seal(uint8_t *image)
{
        uint8_t *h = image + HEADER;
        uint32_t n, size, crc;
        uint64_t where;

        if (memcmp(h, "EFI PART", 8) != 0)
                return;
        memcpy(&where, h + 72, sizeof(where));
        memcpy(&n, h + 80, sizeof(n));
        memcpy(&size, h + 84, sizeof(size));
        if (where < IMAGE_SIZE / 512 && (uint64_t)n * size <= IMAGE_SIZE - where * 512) {
                crc = crc32_of(image + where * 512, (size_t)n * size);
                memcpy(h + 88, &crc, sizeof(crc));
        }
        memset(h + 16, 0, sizeof(crc));
        crc = crc32_of(h, HEADER_SIZE);
        memcpy(h + 16, &crc, sizeof(crc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        DiskRefusal why = {};
        DiskLayout layout;
        uint8_t *image;

        if (fd < 0 || ftruncate(fd, (off_t)IMAGE_SIZE) < 0)
                abort();
        image = mmap(NULL, IMAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (image == MAP_FAILED)
                abort();
        memcpy(image, data, size < IMAGE_SIZE ? size : IMAGE_SIZE);
        seal(image);
        (void)munmap(image, IMAGE_SIZE);
        if (dissect(fd, &out, &why) < 0) {
                if (disk_refusal_report(&why, "f", &error) >= 0 || !error.message)
                        abort();
        } else if (disk_layout_parse(out.data, "f", &layout, &error) < 0) {
                abort();
        }
        return 0;
}
