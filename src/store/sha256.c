/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

struct Hasher {
        EVP_MD *algorithm; /* fetched once: a fetch costs more than a small hash */
        EVP_MD_CTX *context;
};

Hasher *hasher_free(Hasher *h)
{
        if (!h)
                return NULL;
        EVP_MD_CTX_free(h->context);
        EVP_MD_free(h->algorithm);
        free(h);
        return NULL;
}

static bool hasher_begin(Hasher *h)
{
        return EVP_DigestInit_ex2(h->context, h->algorithm, NULL) == 1;
}

Hasher *hasher_new(void)
{
        Hasher *h = calloc(1, sizeof(*h));

        if (!h)
                return NULL;
        h->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
        h->context = EVP_MD_CTX_new();
        if (!h->algorithm || !h->context || !hasher_begin(h))
                return hasher_free(h);
        return h;
}

void hasher_add(Hasher *h, const void *data, size_t size)
{
        (void)EVP_DigestUpdate(h->context, data, size); /* cannot fail after a good start */
}

void hasher_end(Hasher *h, Hash *ret)
{
        if (EVP_DigestFinal_ex(h->context, ret->bytes, NULL) != 1)
                *ret = HASH_NULL;
        (void)hasher_begin(h); /* as in hasher_new(), where it worked */
}

int hash_of(const void *data, size_t size, Hash *ret)
{
        _cleanup_(hasher_freep) Hasher *h = hasher_new();

        if (!h)
                return -ENOMEM;
        hasher_add(h, data, size);
        hasher_end(h, ret);
        return 0;
}

int hash_of_fd(Hasher *h, int fd, Hash *ret, uint64_t *ret_size)
{
        _cleanup_free_ char *buffer = malloc(128 * 1024);
        uint64_t size = 0;
        int r = buffer ? 0 : -ENOMEM;

        while (r >= 0) {
                ssize_t n = pread(fd, buffer, 128 * 1024, (off_t)size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = -errno;
                if (n <= 0)
                        break;
                hasher_add(h, buffer, (size_t)n);
                size += (uint64_t)n;
        }
        hasher_end(h, ret); /* also after an error: the next one begins anew */
        if (r >= 0 && ret_size)
                *ret_size = size;
        return r;
}
