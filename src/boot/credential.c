/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading credentials. Must not know where the machine will see them. */

#include "boot/credential.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CREDENTIAL_SIZE_MAX (1U << 20) /* systemd's limit for all of them together */

static int connect_socket(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int open_source(const char *path)
{
        struct stat st;
        int fd;

        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISSOCK(st.st_mode))
                return connect_socket(path);
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EBADFD;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

int credential_load(CredentialSetting *credential, Error *error)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        ssize_t n;

        if (credential->data)
                return 0;
        if (credential->path[0] == '/') {
                path = strdup(credential->path);
        } else if (!directory) {
                error_set(error, ENOENT,
                          "Credential '%s': '%s' is not an absolute path, and the launcher has no "
                          "credentials of its own ($CREDENTIALS_DIRECTORY is not set)",
                          credential->id, credential->path);
                error_hint(error, "--load-credential=%s:/absolute/path", credential->id);
                return -ENOENT;
        } else if (asprintf(&path, "%s/%s", directory, credential->path) < 0) {
                path = NULL;
        }
        if (!path)
                return error_set(error, ENOMEM, "Out of memory");

        fd = open_source(path);
        n = fd < 0 ? fd : read_fd(fd, CREDENTIAL_SIZE_MAX, &credential->data);
        if (n < 0) {
                error_errno(error, (int)-n, "Failed to load credential '%s' from '%s'",
                            credential->id, path);
                error_hint(error, "ls -l %s", path);
                return (int)n;
        }
        credential->size = (size_t)n;
        return 0;
}
