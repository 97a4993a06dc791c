/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host tools in the network of a pod. */

#include "cli/pod-exec.h"

#include "machine/pod-network.h"

#define EXIT_CANNOT_ENTER 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NO_COMMAND 127

int pod_exec(const char *name, char *const *argv)
{
        _cleanup_pod_network_ PodNetwork *pod = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int status = EXIT_CANNOT_ENTER;

        if (pod_network_open(name, &pod, &error) >= 0 && pod_network_enter(name, &error) >= 0) {
                (void)execvp(argv[0], argv);
                status = errno == ENOENT ? EXIT_NO_COMMAND : EXIT_CANNOT_EXECUTE;
                error_errno(&error, errno, "Failed to run '%s'", argv[0]);
        }
        error_print(&error);
        return status;
}
