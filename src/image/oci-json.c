/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each value is taken only if it has the type that the specification gives it; what is not asked
 * for is passed over, as the specification wants it. */

#include "image/oci-json.h"

#include "base/strv.h"

#include <jansson.h>
#include <string.h>

#define ANNOTATION_TAG "org.opencontainers.image.ref.name"

static void json_free(json_t **json)
{
        json_decref(*json);
}
#define _cleanup_json_ _cleanup_(json_free)

static int load(const char *name, const char *text, size_t size, json_t **ret, Error *error)
{
        json_error_t where;
        json_t *json;

        if (size > OCI_TEXT_MAX)
                return error_set(error, EFBIG, "'%s' has more than %zu bytes", name, OCI_TEXT_MAX);
        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return error_set(error, EBADMSG, "'%s' is no JSON: line %d: %s", name, where.line,
                                 where.text);
        *ret = json;
        return 0;
}

static int refuse(const char *name, Error *error, const char *what)
{
        return error_set(error, EBADMSG, "'%s' is damaged: %s", name, what);
}

static const char *text_of(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

/* Copies a string that may be missing. */
static int copy_text(const json_t *object, const char *key, char **ret)
{
        const char *text = text_of(object, key);

        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

void oci_descriptors_done(OciDescriptors *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->list[i].media_type);
                free(d->list[i].tag);
                free(d->list[i].system);
                free(d->list[i].architecture);
        }
        free(d->list);
        *d = OCI_DESCRIPTORS_NULL;
}

static OciType type_of(const char *media_type)
{
        if (strcmp(media_type, "application/vnd.oci.image.index.v1+json") == 0 ||
            strcmp(media_type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0)
                return OCI_INDEX;
        if (strcmp(media_type, "application/vnd.oci.image.manifest.v1+json") == 0 ||
            strcmp(media_type, "application/vnd.docker.distribution.manifest.v2+json") == 0)
                return OCI_MANIFEST;
        return OCI_OTHER;
}

static int parse_digest(const char *name, const char *digest, Hash *ret, Error *error)
{
        if (!digest)
                return refuse(name, error, "something is named without a digest");
        if (strncmp(digest, "sha256:", 7) != 0)
                return error_set(error, EOPNOTSUPP, "'%s' names '%.80s', which is no SHA-256", name,
                                 digest);
        if (hash_parse(digest + 7, ret) < 0)
                return error_set(error, EBADMSG, "'%s' is damaged: '%.80s' is no digest", name,
                                 digest);
        return 0;
}

/* Appends to @d; a descriptor that fails is one of the list by then, so that its parts are freed.
 */
static int add_descriptor(const char *name, const json_t *json, OciDescriptors *d, Error *error)
{
        const json_t *size = json_object_get(json, "size");
        const json_t *platform = json_object_get(json, "platform");
        const char *media_type = text_of(json, "mediaType");
        OciDescriptor *list, *o;
        int r;

        if (!json_is_object(json) || !media_type)
                return refuse(name, error, "a descriptor has no media type");
        if (!json_is_integer(size) || json_integer_value(size) < 0)
                return refuse(name, error, "a descriptor has no size");
        list = reallocarray(d->list, d->n + 1, sizeof(*list));
        if (!list)
                return error_set(error, ENOMEM, "Out of memory");
        d->list = list;
        o = &list[d->n++];
        *o = (OciDescriptor){ .type = type_of(media_type),
                              .size = (uint64_t)json_integer_value(size) };
        r = parse_digest(name, text_of(json, "digest"), &o->digest, error);
        if (r < 0)
                return r;
        if (copy_text(json, "mediaType", &o->media_type) < 0 ||
            copy_text(json_object_get(json, "annotations"), ANNOTATION_TAG, &o->tag) < 0 ||
            copy_text(platform, "os", &o->system) < 0 ||
            copy_text(platform, "architecture", &o->architecture) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

static int add_descriptors(const char *name, const json_t *array, size_t limit, OciDescriptors *d,
                           Error *error)
{
        const json_t *json;
        size_t i;

        if (json_array_size(array) > limit)
                return error_set(error, E2BIG, "'%s' names more than %zu blobs", name, limit);
        json_array_foreach(array, i, json)
        {
                int r = add_descriptor(name, json, d, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

int oci_parse_layout(const char *name, const char *text, size_t size, Error *error)
{
        _cleanup_json_ json_t *json = NULL;
        const char *version;
        int r = load(name, text, size, &json, error);

        if (r < 0)
                return r;
        version = text_of(json, "imageLayoutVersion");
        if (!version)
                return refuse(name, error, "it names no version of the layout");
        if (strncmp(version, "1.", 2) != 0)
                return error_set(error, EOPNOTSUPP, "'%s' is of layout '%.20s'; only 1.x is known",
                                 name, version);
        return 0;
}

static int check_schema(const char *name, const json_t *json, Error *error)
{
        const json_t *version = json_object_get(json, "schemaVersion");

        if (!json_is_object(json))
                return refuse(name, error, "it is no JSON object");
        if (json_is_integer(version) && json_integer_value(version) == 1)
                return error_set(error, EOPNOTSUPP,
                                 "'%s' is of Docker's schema 1, which has no digests", name);
        if (!json_is_integer(version) || json_integer_value(version) != 2)
                return refuse(name, error, "its schemaVersion is not 2");
        return 0;
}

int oci_parse_index(const char *name, const char *text, size_t size, OciDescriptors *ret,
                    Error *error)
{
        _cleanup_oci_descriptors_ OciDescriptors d = OCI_DESCRIPTORS_NULL;
        _cleanup_json_ json_t *json = NULL;
        const json_t *manifests;
        int r = load(name, text, size, &json, error);

        if (r >= 0)
                r = check_schema(name, json, error);
        if (r < 0)
                return r;
        manifests = json_object_get(json, "manifests");
        if (!json_is_array(manifests))
                return refuse(name, error, "it lists no manifests");
        r = add_descriptors(name, manifests, OCI_MANIFESTS_MAX, &d, error);
        if (r < 0)
                return r;
        *ret = d;
        d = OCI_DESCRIPTORS_NULL;
        return 0;
}

int oci_parse_manifest(const char *name, const char *text, size_t size, OciDescriptors *ret,
                       Error *error)
{
        _cleanup_oci_descriptors_ OciDescriptors d = OCI_DESCRIPTORS_NULL;
        _cleanup_json_ json_t *json = NULL;
        const json_t *layers;
        int r = load(name, text, size, &json, error);

        if (r >= 0)
                r = check_schema(name, json, error);
        if (r < 0)
                return r;
        layers = json_object_get(json, "layers");
        if (!json_is_array(layers))
                return refuse(name, error, "it lists no layers");
        r = add_descriptor(name, json_object_get(json, "config"), &d, error);
        if (r >= 0)
                r = add_descriptors(name, layers, OCI_LAYERS_MAX, &d, error);
        if (r < 0)
                return r;
        *ret = d;
        d = OCI_DESCRIPTORS_NULL;
        return 0;
}

void oci_config_done(OciConfig *c)
{
        for (size_t i = 0; i < c->n_settings; i++)
                free(c->settings[i].value);
        free(c->system);
        free(c->architecture);
        free(c->layers);
        *c = OCI_CONFIG_NULL;
}

/* A string as it is, anything else as compact JSON; what is empty is left out. */
static int add_setting(OciConfig *c, const char *key, const json_t *json)
{
        OciSetting *s = &c->settings[c->n_settings];

        if (!json || json_is_null(json) || (json_is_array(json) && json_array_size(json) == 0) ||
            (json_is_object(json) && json_object_size(json) == 0) ||
            (json_is_string(json) && json_string_length(json) == 0))
                return 0;
        s->key = key;
        s->value = json_is_string(json)
                           ? strdup(json_string_value(json))
                           : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        if (!s->value)
                return -ENOMEM;
        c->n_settings++;
        return 0;
}

static int parse_settings(OciConfig *c, const json_t *json)
{
        static const struct {
                const char *member, *key;
        } known[] = {
                { "Entrypoint", "entrypoint" },
                { "Cmd", "command" },
                { "Env", "environment" },
                { "ExposedPorts", "ports" },
                { "User", "user" },
                { "WorkingDir", "working-directory" },
                { "StopSignal", "stop-signal" },
                { "Volumes", "volumes" },
                { "Labels", "labels" },
        };
        const json_t *config = json_object_get(json, "config");
        int r = add_setting(c, "created", json_object_get(json, "created"));

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(known); i++)
                r = add_setting(c, known[i].key, json_object_get(config, known[i].member));
        return r;
}

static int parse_layers(const char *name, const json_t *ids, OciConfig *c, Error *error)
{
        const json_t *id;
        size_t i;

        if (!json_is_array(ids))
                return refuse(name, error, "it does not say which layers the image is made of");
        if (json_array_size(ids) > OCI_LAYERS_MAX)
                return error_set(error, E2BIG, "'%s' names more than %d layers", name,
                                 OCI_LAYERS_MAX);
        c->layers = calloc(json_array_size(ids) + 1, sizeof(*c->layers));
        if (!c->layers)
                return error_set(error, ENOMEM, "Out of memory");
        json_array_foreach(ids, i, id)
        {
                int r = parse_digest(name, json_string_value(id), &c->layers[c->n_layers++], error);

                if (r < 0)
                        return r;
        }
        return 0;
}

int oci_parse_config(const char *name, const char *text, size_t size, OciConfig *ret, Error *error)
{
        _cleanup_oci_config_ OciConfig c = OCI_CONFIG_NULL;
        _cleanup_json_ json_t *json = NULL;
        int r = load(name, text, size, &json, error);

        if (r < 0)
                return r;
        if (!json_is_object(json))
                return refuse(name, error, "it is no JSON object");
        r = parse_layers(name, json_object_get(json_object_get(json, "rootfs"), "diff_ids"), &c,
                         error);
        if (r < 0)
                return r;
        if (copy_text(json, "os", &c.system) < 0 ||
            copy_text(json, "architecture", &c.architecture) < 0 || parse_settings(&c, json) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = c;
        c = OCI_CONFIG_NULL;
        return 0;
}

void docker_images_done(DockerImages *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->list[i].config);
                strv_free(d->list[i].layers);
                strv_free(d->list[i].tags);
        }
        free(d->list);
        *d = DOCKER_IMAGES_NULL;
}

/* A list of strings; one that is missing is empty. */
static int copy_words(const json_t *array, char ***ret)
{
        const json_t *json;
        size_t i;

        if (json_array_size(array) > OCI_LAYERS_MAX)
                return -E2BIG;
        json_array_foreach(array, i, json)
        {
                int r = json_is_string(json) ? strv_push(ret, json_string_value(json)) : -EBADMSG;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_image(const char *name, const json_t *json, DockerImage *ret, Error *error)
{
        int r;

        if (!text_of(json, "Config") || !json_is_array(json_object_get(json, "Layers")))
                return refuse(name, error, "an image names no configuration or no layers");
        r = copy_text(json, "Config", &ret->config);
        if (r >= 0)
                r = copy_words(json_object_get(json, "Layers"), &ret->layers);
        if (r >= 0)
                r = copy_words(json_object_get(json, "RepoTags"), &ret->tags);
        if (r == -EBADMSG)
                return refuse(name, error, "a path is no string");
        return r < 0 ? error_errno(error, -r, "Failed to read '%s'", name) : 0;
}

int oci_parse_docker(const char *name, const char *text, size_t size, DockerImages *ret,
                     Error *error)
{
        _cleanup_docker_images_ DockerImages d = DOCKER_IMAGES_NULL;
        _cleanup_json_ json_t *json = NULL;
        const json_t *image;
        size_t i;
        int r = load(name, text, size, &json, error);

        if (r < 0)
                return r;
        if (json_array_size(json) == 0 || json_array_size(json) > OCI_LAYERS_MAX)
                return refuse(name, error, "it is no list of images");
        d.list = calloc(json_array_size(json), sizeof(*d.list));
        if (!d.list)
                return error_set(error, ENOMEM, "Out of memory");
        json_array_foreach(json, i, image)
        {
                r = parse_image(name, image, &d.list[d.n++], error);
                if (r < 0)
                        return r;
        }
        *ret = d;
        d = DOCKER_IMAGES_NULL;
        return 0;
}
