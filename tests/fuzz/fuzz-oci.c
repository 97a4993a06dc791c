/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as each of the JSON files of a container image. */

#include "fuzz.h"
#include "image/oci-json.h"

#include <string.h>

static void check(int r, Error *error)
{
        if (r < 0 && !error->message)
                abort(); /* a refusal says why */
        error_done(error);
        *error = ERROR_NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_oci_descriptors_ OciDescriptors index = OCI_DESCRIPTORS_NULL,
                                                 manifest = OCI_DESCRIPTORS_NULL;
        _cleanup_oci_config_ OciConfig config = OCI_CONFIG_NULL;
        _cleanup_docker_images_ DockerImages images = DOCKER_IMAGES_NULL;
        const char *text = (const char *)data;
        Error error = ERROR_NULL;

        check(oci_parse_layout("f", text, size, &error), &error);
        check(oci_parse_index("f", text, size, &index, &error), &error);
        check(oci_parse_manifest("f", text, size, &manifest, &error), &error);
        if (manifest.list && manifest.n == 0)
                abort(); /* a manifest without a configuration */
        check(oci_parse_config("f", text, size, &config, &error), &error);
        if (config.n_layers > OCI_LAYERS_MAX || config.n_settings > ELEMENTSOF(config.settings))
                abort();
        check(oci_parse_docker("f", text, size, &images, &error), &error);
        for (size_t i = 0; i < images.n; i++)
                if (!images.list[i].config)
                        abort();
        return 0;
}
