/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the index down to the configuration; each text is read once, and is the one that its digest
 * names. Paths are resolved within the directory, since links in it may point anywhere. */

#include "image/oci.h"

#include "base/strv.h"
#include "os/path.h"
#include "store/sha256.h"

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#define INDEX_DEPTH 4 /* an index of indexes is allowed; nobody makes more */

typedef struct Search {
        int fd;
        const OciChoice *choice;
} Search;

void oci_image_done(OciImage *image)
{
        for (size_t i = 0; i < image->n_layers; i++)
                free(image->layers[i].path);
        free(image->layers);
        oci_config_done(&image->config);
        *image = OCI_IMAGE_NULL;
}

const char *oci_architecture(void)
{
        static const struct {
                const char *machine, *name;
        } known[] = {
                { "x86_64", "amd64" }, { "aarch64", "arm64" },       { "i686", "386" },
                { "armv7l", "arm" },   { "ppc64le", "ppc64le" },     { "riscv64", "riscv64" },
                { "s390x", "s390x" },  { "loongarch64", "loong64" },
        };
        static struct utsname name; /* the answer is a part of it, and always the same */

        if (uname(&name) < 0)
                return "unknown";
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strcmp(known[i].machine, name.machine) == 0)
                        return known[i].name;
        return name.machine;
}

static int read_text(const Search *s, const char *path, char **ret, size_t *ret_size, Error *error)
{
        ssize_t n = path_read(s->fd, path, OCI_TEXT_MAX, ret);

        if (n == -ENOENT)
                return error_set(error, ENOENT, "'%s' is not complete: it has no '%s'",
                                 s->choice->name, path);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read '%s' of '%s'", path,
                                   s->choice->name);
        *ret_size = (size_t)n;
        return 0;
}

static int check_hash(const Search *s, const char *path, const char *text, size_t size,
                      const Hash *expected, Error *error)
{
        Hash hash;
        int r = hash_of(text, size, &hash);

        if (r < 0)
                return error_errno(error, -r, "Failed to compute a hash");
        if (hash_equal(&hash, expected))
                return 0;
        return error_set(error, EBADMSG, "'%s' is damaged: '%s' is not what its digest says",
                         s->choice->name, path);
}

static int blob_path(const Hash *digest, char **ret)
{
        char text[HASH_TEXT_SIZE];

        if (asprintf(ret, "blobs/sha256/%s", hash_to_string(digest, text)) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* The text of a blob that is JSON. */
static int read_blob(const Search *s, const OciDescriptor *d, char **ret_path, char **ret,
                     size_t *ret_size, Error *error)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;
        int r = blob_path(&d->digest, &path);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = read_text(s, path, &text, &size, error);
        if (r < 0)
                return r;
        if (size != d->size)
                return error_set(error, EBADMSG,
                                 "'%s' is damaged: '%s' has %zu bytes, not %" PRIu64,
                                 s->choice->name, path, size, d->size);
        r = check_hash(s, path, text, size, &d->digest, error);
        if (r < 0)
                return r;
        *ret_path = TAKE_PTR(path);
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static const char *wanted_architecture(const Search *s)
{
        return s->choice->architecture ?: oci_architecture();
}

/* An index that says nothing about a manifest may mean anything. */
static bool fits(const Search *s, const OciDescriptor *d)
{
        return (!d->system || strcmp(d->system, "linux") == 0) &&
               (!d->architecture || strcmp(d->architecture, wanted_architecture(s)) == 0);
}

/* "amd64, arm64", or the names of the images. */
static char *choices(const OciDescriptors *d, bool tags)
{
        _cleanup_strv_ char **words = NULL;

        for (size_t i = 0; i < d->n; i++) {
                const char *word = tags ? d->list[i].tag : d->list[i].architecture;

                if (word && d->list[i].type != OCI_OTHER && !strv_contains(words, word) &&
                    strv_push(&words, word) < 0)
                        return NULL;
        }
        return strv_join(words, ", ");
}

static int no_choice(const Search *s, const OciDescriptors *d, bool found_tag, Error *error)
{
        _cleanup_free_ char *tags = choices(d, true), *architectures = choices(d, false);

        if (s->choice->tag && !found_tag)
                return error_set(error, ENOENT, "'%s' has no image '%s'%s%s", s->choice->name,
                                 s->choice->tag, tags && *tags ? "; there is " : "", tags ?: "");
        if (architectures && *architectures)
                error_hint(error, "--architecture=%.*s", (int)strcspn(architectures, ","),
                           architectures);
        return error_set(error, ENOEXEC, "'%s' has no image for %s%s%s", s->choice->name,
                         wanted_architecture(s),
                         architectures && *architectures ? "; there is " : "", architectures ?: "");
}

/* The one manifest or index of @d that is meant. The tag is asked for at the top only. */
static int choose(const Search *s, const OciDescriptors *d, const char *tag,
                  const OciDescriptor **ret, Error *error)
{
        const OciDescriptor *found = NULL;
        bool found_tag = false;

        for (size_t i = 0; i < d->n; i++) {
                const OciDescriptor *o = &d->list[i];

                if (o->type == OCI_OTHER || (tag && (!o->tag || strcmp(o->tag, tag) != 0)))
                        continue;
                found_tag = true;
                if (!fits(s, o))
                        continue;
                if (found && !hash_equal(&found->digest, &o->digest) && !tag &&
                    (found->tag || o->tag)) {
                        _cleanup_free_ char *tags = choices(d, true);

                        error_hint(error, "oci:DIRECTORY:TAG, with one of: %s", tags ?: "");
                        return error_set(error, ENOTUNIQ, "'%s' has several images: which one?",
                                         s->choice->name);
                }
                found = found ?: o;
        }
        if (!found)
                return no_choice(s, d, found_tag, error);
        *ret = found;
        return 0;
}

/* Follows indexes down to the text of a manifest. */
static int find_manifest(const Search *s, OciDescriptors *manifest, Hash *ret_id, Error *error)
{
        _cleanup_free_ char *text = NULL, *path = strdup("index.json");
        const char *tag = s->choice->tag;
        size_t size;
        int r;

        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        r = read_text(s, path, &text, &size, error);
        for (unsigned depth = 0; r >= 0; depth++) {
                _cleanup_oci_descriptors_ OciDescriptors index = OCI_DESCRIPTORS_NULL;
                const OciDescriptor *chosen = NULL;

                if (depth == INDEX_DEPTH)
                        return error_set(error, ELOOP, "'%s' has indexes of indexes of indexes",
                                         s->choice->name);
                r = oci_parse_index(path, text, size, &index, error);
                if (r >= 0)
                        r = choose(s, &index, tag, &chosen, error);
                if (r < 0)
                        return r;
                tag = NULL;
                free(TAKE_PTR(path));
                free(TAKE_PTR(text));
                r = read_blob(s, chosen, &path, &text, &size, error);
                if (r >= 0 && chosen->type == OCI_MANIFEST) {
                        *ret_id = chosen->digest;
                        return oci_parse_manifest(path, text, size, manifest, error);
                }
        }
        return r;
}

static int check_platform(const Search *s, const OciConfig *config, Error *error)
{
        if (config->system && strcmp(config->system, "linux") != 0)
                return error_set(error, ENOEXEC, "'%s' is an image for %.40s, not for Linux",
                                 s->choice->name, config->system);
        if (config->architecture && strcmp(config->architecture, wanted_architecture(s)) != 0) {
                error_hint(error, "--architecture=%.40s", config->architecture);
                return error_set(error, ENOEXEC, "'%s' is an image for %.40s, not for %s",
                                 s->choice->name, config->architecture, wanted_architecture(s));
        }
        return 0;
}

static int check_layers(const Search *s, const OciConfig *config, size_t n, Error *error)
{
        if (config->n_layers != n)
                return error_set(error, EBADMSG,
                                 "'%s' is damaged: %zu layers, but its configuration names %zu",
                                 s->choice->name, n, config->n_layers);
        if (n == 0)
                return error_set(error, ENODATA, "'%s' is an image without layers",
                                 s->choice->name);
        return check_platform(s, config, error);
}

static int open_layout(const Search *s, OciImage *image, Error *error)
{
        _cleanup_oci_descriptors_ OciDescriptors manifest = OCI_DESCRIPTORS_NULL;
        _cleanup_free_ char *layout = NULL, *path = NULL, *text = NULL;
        size_t size;
        int r = read_text(s, "oci-layout", &layout, &size, error);

        if (r >= 0)
                r = oci_parse_layout("oci-layout", layout, size, error);
        if (r >= 0)
                r = find_manifest(s, &manifest, &image->id, error);
        if (r >= 0)
                r = read_blob(s, &manifest.list[0], &path, &text, &size, error);
        if (r >= 0)
                r = oci_parse_config(path, text, size, &image->config, error);
        if (r >= 0)
                r = check_layers(s, &image->config, manifest.n - 1, error);
        if (r < 0)
                return r;
        image->layers = calloc(manifest.n, sizeof(*image->layers));
        if (!image->layers)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 1; i < manifest.n; i++) {
                OciLayer *l = &image->layers[image->n_layers++];

                *l = (OciLayer){ .has_digest = true,
                                 .digest = manifest.list[i].digest,
                                 .size = manifest.list[i].size,
                                 .content = image->config.layers[i - 1] };
                if (blob_path(&l->digest, &l->path) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

/* "busybox:1" is short for "docker.io/library/busybox:1". */
static bool has_tag(char *const *tags, const char *tag)
{
        STRV_FOREACH (t, (char **)tags) {
                size_t n = strlen(*t), m = strlen(tag);

                if (n >= m && strcmp(*t + n - m, tag) == 0 && (n == m || (*t)[n - m - 1] == '/'))
                        return true;
        }
        return false;
}

static int choose_docker(const Search *s, const DockerImages *d, const DockerImage **ret,
                         Error *error)
{
        _cleanup_strv_ char **all = NULL;
        _cleanup_free_ char *list = NULL;

        *ret = NULL;
        for (size_t i = 0; i < d->n; i++) {
                if (strv_extend(&all, d->list[i].tags) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (s->choice->tag && has_tag(d->list[i].tags, s->choice->tag))
                        *ret = &d->list[i];
        }
        if (!s->choice->tag && d->n == 1)
                *ret = &d->list[0];
        if (*ret)
                return 0;
        list = strv_join(all, ", ");
        error_hint(error, "docker-archive:FILE:NAME:TAG, with one of: %s", list ?: "");
        return s->choice->tag ? error_set(error, ENOENT, "'%s' has no image '%s'", s->choice->name,
                                          s->choice->tag)
                              : error_set(error, ENOTUNIQ, "'%s' has several images: which one?",
                                          s->choice->name);
}

/* The file is named by its hash: "HASH.json" or "blobs/sha256/HASH". */
static int check_docker_name(const Search *s, const char *path, const char *text, size_t size,
                             Hash *ret_id, Error *error)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        char digits[HASH_TEXT_SIZE] = "";

        (void)snprintf(digits, sizeof(digits), "%s", name);
        if (hash_parse(digits, ret_id) < 0)
                return error_set(error, EBADMSG, "'%s' is damaged: '%.100s' is no digest",
                                 s->choice->name, name);
        return check_hash(s, path, text, size, ret_id, error);
}

static int open_docker(const Search *s, OciImage *image, Error *error)
{
        _cleanup_docker_images_ DockerImages images = DOCKER_IMAGES_NULL;
        _cleanup_free_ char *text = NULL, *config = NULL;
        const DockerImage *chosen = NULL;
        size_t size, n;
        int r = read_text(s, "manifest.json", &text, &size, error);

        if (r >= 0)
                r = oci_parse_docker("manifest.json", text, size, &images, error);
        if (r >= 0)
                r = choose_docker(s, &images, &chosen, error);
        if (r >= 0)
                r = read_text(s, chosen->config, &config, &size, error);
        if (r >= 0)
                r = check_docker_name(s, chosen->config, config, size, &image->id, error);
        if (r >= 0)
                r = oci_parse_config(chosen->config, config, size, &image->config, error);
        if (r < 0)
                return r;
        n = strv_length(chosen->layers);
        r = check_layers(s, &image->config, n, error);
        if (r < 0)
                return r;
        image->layers = calloc(n, sizeof(*image->layers));
        if (!image->layers)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < n; i++) {
                OciLayer *l = &image->layers[image->n_layers++];

                *l = (OciLayer){ .path = strdup(chosen->layers[i]),
                                 .content = image->config.layers[i] };
                if (!l->path)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

int oci_open(int directory_fd, const OciChoice *choice, OciImage *ret, Error *error)
{
        _cleanup_oci_image_ OciImage image = OCI_IMAGE_NULL;
        const Search s = { directory_fd, choice };
        bool layout = path_exists(directory_fd, "oci-layout") >= 0,
             docker = path_exists(directory_fd, "manifest.json") >= 0;
        int r;

        /* newer versions of Docker save both */
        if (docker && (choice->docker || !layout))
                r = open_docker(&s, &image, error);
        else if (layout)
                r = open_layout(&s, &image, error);
        else
                r = error_set(error, EBADMSG,
                              "'%s' is no container image: neither oci-layout nor manifest.json is "
                              "in it",
                              choice->name);
        if (r < 0)
                return r;
        *ret = image;
        image = OCI_IMAGE_NULL;
        return 0;
}
