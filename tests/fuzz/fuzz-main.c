/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds every file of a directory to a fuzz target once, so that saved inputs are plain tests with
 * any compiler. */

#include "base/fd.h"
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>

int main(int argc, char **argv)
{
        _cleanup_closedir_ DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
        int n = 0;

        if (!d) {
                perror(argc > 1 ? argv[1] : "Usage: fuzz-... DIRECTORY");
                return 1;
        }
        for (struct dirent *e; (e = readdir(d));) {
                _cleanup_free_ char *data = NULL;
                ssize_t size;

                if (e->d_name[0] == '.')
                        continue;
                size = read_file_at(dirfd(d), e->d_name, 1 << 20, &data);
                if (size < 0) {
                        fprintf(stderr, "%s: %s\n", e->d_name, strerror((int)-size));
                        return 1;
                }
                (void)LLVMFuzzerTestOneInput((const uint8_t *)data, (size_t)size);
                n++;
        }
        printf("%d inputs\n", n);
        return n == 0;
}
