/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blobs first, then what names them: layers, configuration, manifest, index. */

#include "image/oci-write.h"

#include "base/fd.h"
#include "image/oci.h"
#include "store/sha256.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#define TYPE_PREFIX "application/vnd.oci.image."

static void json_free(json_t **json)
{
        json_decref(*json);
}
#define _cleanup_json_ _cleanup_(json_free)

typedef struct Digest {
        char text[sizeof("sha256:") + HASH_TEXT_SIZE];
} Digest;

static Digest digest_of(const Hash *hash)
{
        char digits[HASH_TEXT_SIZE];
        Digest d;

        (void)snprintf(d.text, sizeof(d.text), "sha256:%s", hash_to_string(hash, digits));
        return d;
}

typedef struct BlobPath {
        char text[sizeof("blobs/sha256/") + HASH_TEXT_SIZE];
} BlobPath;

static BlobPath blob_path(const Hash *hash)
{
        char digits[HASH_TEXT_SIZE];
        BlobPath p;

        (void)snprintf(p.text, sizeof(p.text), "blobs/sha256/%s", hash_to_string(hash, digits));
        return p;
}

static json_t *descriptor(const char *type, const Hash *hash, uint64_t size)
{
        return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest_of(hash).text,
                         "size", (json_int_t)size);
}

/* Writes it, as a blob if @path is NULL; tells hash and size. */
static int write_json(const OciWrite *w, const char *path, const json_t *json, Hash *ret_hash,
                      size_t *ret_size, Error *error)
{
        _cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
        int r = text ? hash_of(text, strlen(text), ret_hash) : -ENOMEM;

        if (r >= 0)
                r = write_file_atomic_at(w->directory_fd, path ?: blob_path(ret_hash).text, text,
                                         0644);
        if (r < 0)
                return error_errno(error, -r, "Failed to write '%s'", path ?: "a blob");
        *ret_size = strlen(text);
        return 0;
}

static const char *layer_type(TarCompression compression)
{
        switch (compression) {
        case TAR_GZIP:
                return TYPE_PREFIX "layer.v1.tar+gzip";
        case TAR_ZSTD:
                return TYPE_PREFIX "layer.v1.tar+zstd";
        case TAR_PLAIN:
        case TAR_XZ:
        case _TAR_COMPRESSION_MAX:
        case _TAR_COMPRESSION_INVALID:
                break;
        }
        return TYPE_PREFIX "layer.v1.tar";
}

static int write_layer(const Store *store, const OciWrite *w, const Hash *tree, json_t *layers,
                       json_t *contents, Progress *progress, Error *error)
{
        static const char temporary[] = "blobs/sha256/layer.tmp";
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        _cleanup_close_ int fd = -EBADF;
        TarTarget target = { .name = "a layer", .compression = w->compression, .image = true };
        TarWritten written;
        int r = store_load_tree(store, tree, &manifest, error);

        if (r < 0)
                return r;
        fd = openat(w->directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return error_errno(error, errno, "Failed to create '%s'", temporary);
        target.fd = fd;
        r = tar_write(store, &manifest, &target, progress, &written, error);
        if (r < 0)
                return r;
        if (renameat(w->directory_fd, temporary, w->directory_fd, blob_path(&written.file).text) <
            0)
                return error_errno(error, errno, "Failed to rename '%s'", temporary);
        if (json_array_append_new(layers, descriptor(layer_type(w->compression), &written.file,
                                                     written.size)) < 0 ||
            json_array_append_new(contents, json_string(digest_of(&written.content).text)) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

/* What an import kept of an image becomes its configuration again. */
static int add_settings(json_t *config, const Commit *c)
{
        static const struct {
                const char *label, *member;
        } known[] = {
                { "image.entrypoint", "Entrypoint" },
                { "image.command", "Cmd" },
                { "image.environment", "Env" },
                { "image.ports", "ExposedPorts" },
                { "image.user", "User" },
                { "image.working-directory", "WorkingDir" },
                { "image.stop-signal", "StopSignal" },
                { "image.volumes", "Volumes" },
                { "image.labels", "Labels" },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(known); i++) {
                const char *value = commit_label(c, known[i].label);
                json_t *json = value ? json_loads(value, 0, NULL) : NULL;

                if (value)
                        r = json_object_set_new(config, known[i].member,
                                                json ?: json_string(value));
        }
        /* most engines start nothing by themselves */
        if (r >= 0 && !commit_label(c, "image.entrypoint") && !commit_label(c, "image.command"))
                r = json_object_set_new(config, "Cmd", json_pack("[s]", "/sbin/init"));
        return r < 0 ? -ENOMEM : 0;
}

static json_t *make_config(const Commit *c, json_t *contents)
{
        const char *architecture = commit_label(c, "architecture");
        _cleanup_json_ json_t *settings = json_object();
        char created[32] = "";
        struct tm tm;
        time_t t = (time_t)c->time;

        if (!settings || add_settings(settings, c) < 0 || !gmtime_r(&t, &tm) ||
            strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return NULL;
        return json_pack("{s:s, s:s, s:s, s:O, s:{s:s, s:O}}", "created", created, "architecture",
                         architecture ?: oci_architecture(), "os", "linux", "config", settings,
                         "rootfs", "type", "layers", "diff_ids", contents);
}

static int write_texts(const OciWrite *w, json_t *layers, json_t *contents, Error *error)
{
        _cleanup_json_ json_t *config = make_config(w->commit, contents), *manifest = NULL,
                              *index = NULL, *layout = NULL;
        Hash hash;
        size_t size;
        int r = write_json(w, NULL, config, &hash, &size, error);

        if (r < 0)
                return r;
        manifest =
                json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType",
                          TYPE_PREFIX "manifest.v1+json", "config",
                          descriptor(TYPE_PREFIX "config.v1+json", &hash, size), "layers", layers);
        r = write_json(w, NULL, manifest, &hash, &size, error);
        if (r < 0)
                return r;
        index = json_pack("{s:i, s:s, s:[{s:s, s:s, s:I, s:{s:s}}]}", "schemaVersion", 2,
                          "mediaType", TYPE_PREFIX "index.v1+json", "manifests", "mediaType",
                          TYPE_PREFIX "manifest.v1+json", "digest", digest_of(&hash).text, "size",
                          (json_int_t)size, "annotations", "org.opencontainers.image.ref.name",
                          w->tag);
        r = write_json(w, "index.json", index, &hash, &size, error);
        if (r < 0)
                return r;
        layout = json_pack("{s:s}", "imageLayoutVersion", "1.0.0");
        return write_json(w, "oci-layout", layout, &hash, &size, error);
}

int oci_write(const Store *store, const OciWrite *write, Progress *progress, Error *error)
{
        _cleanup_json_ json_t *layers = json_array(), *contents = json_array();
        int r = mkdir_parents_at(write->directory_fd, "blobs/sha256", 0755);

        if (!layers || !contents)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                return error_errno(error, -r, "Failed to make 'blobs'");
        for (size_t i = 0; r >= 0 && i < write->n_trees; i++)
                r = write_layer(store, write, &write->trees[i], layers, contents, progress, error);
        return r < 0 ? r : write_texts(write, layers, contents, error);
}
