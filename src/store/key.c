/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys by libcrypto's EVP interface; files as other programs write them, so that a key can also
 * come from `openssl genpkey -algorithm ed25519`. */

#include "store/key.h"

#include "base/fd.h"
#include "base/strv.h"
#include "config/definition.h"
#include "store/sha256.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

#define WORD "ed25519"
#define LINE_MAX_SIZE 1024
#define SIGNATURE_SIZE 64
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

static inline void biop(BIO **b)
{
        BIO_free(*b); /* NULL is fine */
}

static inline void contextp(EVP_MD_CTX **c)
{
        EVP_MD_CTX_free(*c);
}

void key_done(Key *k)
{
        free(k->name);
        EVP_PKEY_free(k->pair);
        *k = KEY_NULL;
}

void key_list_free(Key *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                key_done(&list[i]);
        free(list);
}

static int no_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

static int crypto_error(Error *error, const char *what)
{
        const char *reason = ERR_reason_error_string(ERR_get_error());

        ERR_clear_error();
        return error_set(error, EIO, "Failed to %s: %s", what,
                         reason ?: "libcrypto gives no reason");
}

static int set_id(Key *k)
{
        char text[HASH_TEXT_SIZE];
        Hash hash;

        if (hash_of(k->bytes, sizeof(k->bytes), &hash) < 0)
                return -ENOMEM;
        memcpy(k->id, hash_to_string(&hash, text), KEY_ID_SIZE - 1);
        k->id[KEY_ID_SIZE - 1] = '\0';
        return 0;
}

/* The public half of k->pair into the rest. */
static int take_pair(Key *k, Error *error)
{
        size_t size = sizeof(k->bytes);

        if (EVP_PKEY_get_id(k->pair) != EVP_PKEY_ED25519)
                return error_set(error, EINVAL, "it is no ed25519 key");
        if (EVP_PKEY_get_raw_public_key(k->pair, k->bytes, &size) != 1)
                return crypto_error(error, "read the public half");
        return set_id(k) < 0 ? no_memory(error) : 0;
}

/* Strict: the canonical text of exactly @size bytes. */
static int decode_base64(const char *text, uint8_t *ret, size_t size)
{
        uint8_t buffer[BASE64_SIZE(SIGNATURE_SIZE)];
        char again[BASE64_SIZE(SIGNATURE_SIZE) + 1];
        size_t n = strlen(text);

        if (n != BASE64_SIZE(size) || n >= sizeof(again) ||
            EVP_DecodeBlock(buffer, (const unsigned char *)text, (int)n) < (int)size)
                return -EINVAL;
        (void)EVP_EncodeBlock((unsigned char *)again, buffer, (int)size);
        if (strcmp(again, text) != 0)
                return -EINVAL;
        memcpy(ret, buffer, size);
        return 0;
}

int key_parse_public(const char *text, Key *ret, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        Key k = KEY_NULL;
        size_t n;

        if (strv_split(text, " \t\r\n", &words) < 0)
                return no_memory(error);
        n = strv_length(words);
        if (n < 2 || n > 3 || strcmp(words[0], WORD) != 0 ||
            decode_base64(words[1], k.bytes, sizeof(k.bytes)) < 0 ||
            (n == 3 && !machine_name_is_valid(words[2])))
                return error_set(error, EINVAL,
                                 "not a public key, which is '" WORD
                                 " BASE64 NAME', as in NAME.pub");
        k.name = strdup(n == 3 ? words[2] : "unnamed");
        if (!k.name || set_id(&k) < 0) {
                key_done(&k);
                return no_memory(error);
        }
        *ret = k;
        return 0;
}

int key_read_public(const char *word, Key *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n;
        int r;

        if (*word != '/')
                return key_parse_public(word, ret, error);
        n = read_file_at(AT_FDCWD, word, LINE_MAX_SIZE, &text);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read the key '%s'", word);
        r = strlen(text) == (size_t)n ? key_parse_public(text, ret, error)
                                      : error_set(error, EINVAL, "not a public key");
        return r < 0 ? error_prefix(error, "'%s'", word) : 0;
}

int key_write_public(const Key *k, Buffer *out)
{
        unsigned char text[BASE64_SIZE(KEY_SIZE) + 1];

        (void)EVP_EncodeBlock(text, k->bytes, sizeof(k->bytes));
        buffer_printf(out, WORD " %s %s\n", (const char *)text, k->name);
        return buffer_error(out);
}

static int write_pair(int dirfd, const Key *k, Error *error)
{
        _cleanup_(biop) BIO *bio = BIO_new(BIO_s_mem());
        _cleanup_free_ char *secret = NULL, *file = NULL, *public_file = NULL;
        _cleanup_buffer_ Buffer line = BUFFER_NULL;
        char *pem;
        long size;
        int r;

        if (!bio || PEM_write_bio_PrivateKey(bio, k->pair, NULL, NULL, 0, NULL, NULL) != 1 ||
            BIO_write(bio, "", 1) != 1) /* the end of a string */
                return crypto_error(error, "write the key as PEM");
        size = BIO_get_mem_data(bio, &pem);
        secret = strdup(pem);
        OPENSSL_cleanse(pem, (size_t)size);
        if (!secret || asprintf(&file, "%s.key", k->name) < 0 ||
            asprintf(&public_file, "%s.pub", k->name) < 0 || key_write_public(k, &line) < 0)
                return no_memory(error);
        r = write_file_synced_at(dirfd, public_file, line.data, 0644);
        if (r >= 0)
                r = write_file_synced_at(dirfd, file, secret, 0600);
        OPENSSL_cleanse(secret, (size_t)size - 1);
        return r < 0 ? error_errno(error, -r, "Failed to write the key '%s'", k->name) : 0;
}

int key_make(const char *directory, const char *name, Key *ret, Error *error)
{
        _cleanup_key_ Key k = KEY_NULL;
        _cleanup_free_ char *file = NULL;
        _cleanup_close_ int dirfd = -EBADF;
        int r;

        if (!machine_name_is_valid(name))
                return error_set(error, EINVAL,
                                 "'%s' is no name for a key: letters, digits and '-'", name);
        r = mkdir_parents_at(AT_FDCWD, directory, 0755);
        dirfd = r < 0 ? r : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dirfd < 0)
                return error_errno(error, r < 0 ? -r : errno, "Failed to open '%s'", directory);
        if (asprintf(&file, "%s.key", name) < 0)
                return no_memory(error);
        if (faccessat(dirfd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                error_hint(error, "cat %s/%s.pub  (its public half)", directory, name);
                return error_set(error, EEXIST, "There is a key '%s' already", name);
        }
        k.name = strdup(name);
        k.pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        if (!k.name)
                return no_memory(error);
        if (!k.pair)
                return crypto_error(error, "make a key");
        r = take_pair(&k, error);
        if (r >= 0)
                r = write_pair(dirfd, &k, error);
        if (r < 0)
                return r;
        *ret = k;
        k = KEY_NULL;
        return 0;
}

/* The name in messages: of the file, without what comes after the dot. */
static char *name_of(const char *word)
{
        const char *slash = strrchr(word, '/');
        const char *base = slash ? slash + 1 : word;

        return strndup(base, strcspn(base, "."));
}

int key_load(const char *directory, const char *word, Key *ret, Error *error)
{
        _cleanup_key_ Key k = { .name = name_of(word) };
        _cleanup_free_ char *path = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        int r;

        if (!strchr(word, '/') && !machine_name_is_valid(word))
                return error_set(error, EINVAL, "'%s' is no name of a key", word);
        r = strchr(word, '/') ? asprintf(&path, "%s", word)
                              : asprintf(&path, "%s/%s.key", directory, word);
        if (r < 0 || !k.name)
                return no_memory(error);
        f = fopen(path, "re");
        if (!f && errno == ENOENT && !strchr(word, '/'))
                error_hint(error, "stead remote key %s  (makes one)", word);
        if (!f)
                return error_errno(error, errno, "Failed to open the key '%s'", path);
        k.pair = PEM_read_PrivateKey(f, NULL, NULL, (void *)""); /* never asks for a pass phrase */
        r = k.pair ? take_pair(&k, error)
                   : error_set(error, EINVAL, "it is no private key in PEM form");
        ERR_clear_error();
        if (r < 0)
                return error_prefix(error, "Failed to read the key '%s'", path);
        *ret = k;
        k = KEY_NULL;
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const Key *)a)->name, ((const Key *)b)->name);
}

int key_list(const char *directory, Key **ret, size_t *ret_n, Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(directory);
        Key *list = NULL;
        size_t n = 0;
        int r = 0;

        if (!d && errno != ENOENT)
                return error_errno(error, errno, "Failed to open '%s'", directory);
        for (struct dirent *e; r >= 0 && d && (e = readdir(d));) {
                _cleanup_free_ char *path = NULL;
                size_t length = strlen(e->d_name);
                Key *grown;

                if (length < 5 || strcmp(e->d_name + length - 4, ".pub") != 0)
                        continue;
                grown = reallocarray(list, n + 1, sizeof(*list));
                if (grown)
                        list = grown;
                if (!grown || asprintf(&path, "%s/%s", directory, e->d_name) < 0)
                        r = no_memory(error);
                else if ((r = key_read_public(path, &list[n], error)) >= 0)
                        n++;
        }
        if (r < 0) {
                key_list_free(list, n);
                return r;
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), by_name);
        *ret = list;
        *ret_n = n;
        return 0;
}

int key_sign_ref(const Key *k, Ref *ref, Buffer *out, Error *error)
{
        _cleanup_(contextp) EVP_MD_CTX *context = EVP_MD_CTX_new();
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        uint8_t signature[SIGNATURE_SIZE];
        size_t size = sizeof(signature);

        free(TAKE_PTR(ref->key));
        free(TAKE_PTR(ref->signature));
        if (!context || ref_write(ref, &text) < 0)
                return no_memory(error);
        if (EVP_DigestSignInit(context, NULL, NULL, NULL, k->pair) != 1 ||
            EVP_DigestSign(context, signature, &size, (const unsigned char *)text.data,
                           text.size) != 1)
                return crypto_error(error, "sign");
        ref->key = strdup(k->id);
        ref->signature = calloc(1, BASE64_SIZE(SIGNATURE_SIZE) + 1);
        if (!ref->key || !ref->signature)
                return no_memory(error);
        (void)EVP_EncodeBlock((unsigned char *)ref->signature, signature, (int)size);
        return ref_write(ref, out) < 0 ? no_memory(error) : 0;
}

static bool verifies(const Key *k, const Ref *ref, const char *text)
{
        _cleanup_(contextp) EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->bytes, KEY_SIZE);
        uint8_t signature[SIGNATURE_SIZE];
        bool good = context && key &&
                    decode_base64(ref->signature, signature, sizeof(signature)) >= 0 &&
                    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                    EVP_DigestVerify(context, signature, sizeof(signature),
                                     (const unsigned char *)text, ref->signed_size) == 1;

        EVP_PKEY_free(key);
        ERR_clear_error();
        return good;
}

int key_verify_ref(const Key *keys, size_t n, const Ref *ref, const char *text, Error *error)
{
        if (!ref->signature || !ref->key)
                return error_set(error, EKEYREJECTED, "it is not signed");
        for (size_t i = 0; i < n; i++) {
                if (strcmp(keys[i].id, ref->key) != 0)
                        continue;
                return verifies(&keys[i], ref, text)
                               ? 0
                               : error_set(error, EKEYREJECTED,
                                           "the signature of key '%s' is wrong", keys[i].name);
        }
        return error_set(error, EKEYREJECTED, "it is signed by key %s, which is not trusted",
                         ref->key);
}
