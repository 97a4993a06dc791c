/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/curl-library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libcurl.so.4" /* both Debian's with OpenSSL and others have this name */

#define SYMBOL(name)                                       \
        {                                                  \
                "curl_" #name, offsetof(CurlLibrary, name) \
        }
static const struct {
        const char *name;
        size_t offset;
} symbols[] = {
        SYMBOL(global_init),   SYMBOL(easy_init),           SYMBOL(easy_setopt),
        SYMBOL(easy_getinfo),  SYMBOL(easy_strerror),       SYMBOL(easy_cleanup),
        SYMBOL(multi_init),    SYMBOL(multi_setopt),        SYMBOL(multi_add_handle),
        SYMBOL(multi_poll),    SYMBOL(multi_remove_handle), SYMBOL(multi_perform),
        SYMBOL(multi_cleanup), SYMBOL(multi_info_read),
};

int curl_library_load(CurlLibrary *ret, Error *error)
{
        void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_NODELETE);
        CurlLibrary l = {};

        if (!library) {
                error_hint(error, "apt-get install libcurl4");
                return error_set(error, ENOENT, "Failed to load what speaks HTTP: %s", dlerror());
        }
        for (size_t i = 0; i < ELEMENTSOF(symbols); i++) {
                void *symbol = dlsym(library, symbols[i].name);

                if (!symbol)
                        return error_set(error, ENOSYS, LIBRARY " has no %s", symbols[i].name);
                memcpy((char *)&l + symbols[i].offset, &symbol, sizeof(symbol));
        }
        if (l.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counts; nobody else has threads */
                return error_set(error, EIO, "Failed to start libcurl");
        *ret = l;
        return 0;
}
