/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The JSON of container images: OCI's image-spec 1.0 and 1.1, Docker's manifests of the registry
 * and the manifest.json of `docker save`. Anybody may have written it. Text in, values out; nothing
 * here opens a file. */

#include "base/error.h"
#include "store/hash.h"

#include <stdbool.h>

#define OCI_TEXT_MAX ((size_t)4 * 1024 * 1024) /* what registries take for a manifest */
#define OCI_LAYERS_MAX 512
#define OCI_MANIFESTS_MAX 4096

/* What a blob is, by its media type. */
typedef enum OciType {
        OCI_INDEX,
        OCI_MANIFEST,
        OCI_OTHER, /* layers, configurations, signatures */
} OciType;

typedef struct OciDescriptor {
        OciType type;
        Hash digest;
        uint64_t size;
        char *media_type;
        char *tag;                   /* its name in an index, or NULL */
        char *system, *architecture; /* as the index says, or NULL */
} OciDescriptor;

typedef struct OciDescriptors {
        OciDescriptor *list;
        size_t n;
} OciDescriptors;

#define OCI_DESCRIPTORS_NULL ((OciDescriptors){})
#define _cleanup_oci_descriptors_ _cleanup_(oci_descriptors_done)
void oci_descriptors_done(OciDescriptors *d);

/* @name: for messages. */
int oci_parse_layout(const char *name, const char *text, size_t size, Error *error);
int oci_parse_index(const char *name, const char *text, size_t size, OciDescriptors *ret,
                    Error *error);
/* The first one is the configuration, the others are the layers, from the lowest. */
int oci_parse_manifest(const char *name, const char *text, size_t size, OciDescriptors *ret,
                       Error *error);

/* A setting of the image, kept as it is: a plain word, or JSON. */
typedef struct OciSetting {
        const char *key; /* "entrypoint", constant */
        char *value;
} OciSetting;

typedef struct OciConfig {
        char *system, *architecture;
        OciSetting settings[16];
        size_t n_settings;
        Hash *layers; /* of each layer as a tar file that is not compressed */
        size_t n_layers;
} OciConfig;

#define OCI_CONFIG_NULL ((OciConfig){})
#define _cleanup_oci_config_ _cleanup_(oci_config_done)
void oci_config_done(OciConfig *c);
int oci_parse_config(const char *name, const char *text, size_t size, OciConfig *ret, Error *error);

/* One image of `docker save`: paths within the archive. */
typedef struct DockerImage {
        char *config;
        char **layers, **tags;
} DockerImage;

typedef struct DockerImages {
        DockerImage *list;
        size_t n;
} DockerImages;

#define DOCKER_IMAGES_NULL ((DockerImages){})
#define _cleanup_docker_images_ _cleanup_(docker_images_done)
void docker_images_done(DockerImages *d);
int oci_parse_docker(const char *name, const char *text, size_t size, DockerImages *ret,
                     Error *error);
