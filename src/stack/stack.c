/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file `stack`: read at each start, written last by a switch. */

#include "stack/stack.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"

#include "os/path.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "stack"
#define FILE_MAX ((size_t)1024 * 1024)
#define MAGIC "stead-stack 1"
#define OS_RELEASE_MAX 65536
#define GENERATED "-" /* the name of the layer that nobody named */

void stack_done(Stack *s)
{
        for (size_t i = 0; i < s->n_lowers; i++)
                stack_layer_done(&s->lowers[i]);
        free(s->lowers);
        *s = STACK_NULL;
}

static int parse_lower(char *words, Stack *s)
{
        char *name = strchr(words, ' ');
        Hash tree;

        if (!name || name[1] == '\0')
                return -EINVAL;
        *name++ = '\0';
        if (hash_parse(words, &tree) < 0)
                return -EINVAL;
        return stack_layer_append(&s->lowers, &s->n_lowers, name, NULL, &tree);
}

static int parse_line(char *line, Stack *s)
{
        char *value = strchr(line, ' ');
        uint32_t number;

        if (!value)
                return -EINVAL;
        *value++ = '\0';
        if (strcmp(line, "lower") == 0)
                return parse_lower(value, s);
        if (strcmp(line, "generation") != 0 || parse_uint32(value, &number) < 0 || number == 0)
                return -EINVAL;
        s->generation = number;
        return 0;
}

static int stack_parse(char *text, Stack *s)
{
        char *line = text, *next;
        int r = 0;

        for (size_t n = 0; r >= 0 && *line; line = next, n++) {
                next = strchr(line, '\n');
                if (!next)
                        return -EINVAL; /* cut off */
                *next++ = '\0';
                r = n > 0 ? parse_line(line, s) : strcmp(line, MAGIC) == 0 ? 0 : -EINVAL;
        }
        return r < 0 ? r : s->generation == 0 || s->n_lowers == 0 ? -EINVAL : 0;
}

int stack_load(int state_fd, Stack *ret, Error *error)
{
        _cleanup_stack_ Stack s = STACK_NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(state_fd, FILE_NAME, FILE_MAX, &text);
        int r;

        if (n == -ENOENT)
                return error_set(error, ENOENT, "No stack of layers has been made yet");
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read '" FILE_NAME "'");
        r = strlen(text) == (size_t)n ? stack_parse(text, &s) : -EINVAL;
        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                return error_set(error, EBADMSG, "File '" FILE_NAME "' of the machine is damaged");
        *ret = s;
        s = STACK_NULL;
        return 0;
}

int stack_save(int state_fd, const Stack *s, Error *error)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        int r;

        buffer_printf(&out, MAGIC "\ngeneration %u\n", s->generation);
        for (size_t i = 0; i < s->n_lowers; i++) {
                char tree[HASH_TEXT_SIZE];

                buffer_printf(&out, "lower %s %s\n", hash_to_string(&s->lowers[i].tree, tree),
                              s->lowers[i].name);
        }
        r = buffer_error(&out);
        if (r >= 0)
                r = write_file_synced_at(state_fd, FILE_NAME, out.data, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write '" FILE_NAME "'") : 0;
}

static bool has_names(const Stack *s, char *const *layers)
{
        size_t n = s->n_lowers;

        if (n > 0 && strcmp(s->lowers[n - 1].name, GENERATED) == 0)
                n--;
        if (strv_length(layers) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (strcmp(s->lowers[i].name, layers[i]) != 0)
                        return false;
        return true;
}

static bool has_checkout(const char *store, const Hash *tree)
{
        _cleanup_free_ char *path = NULL;
        char text[HASH_TEXT_SIZE];

        if (asprintf(&path, "%s/checkouts/%s", store, hash_to_string(tree, text)) < 0) {
                path = NULL;
                return false;
        }
        return access(path, F_OK) >= 0;
}

bool stack_is_ready(const Stack *s, unsigned wanted, char *const *layers, const char *store)
{
        if (s->generation == 0 || s->generation != wanted || !has_names(s, layers))
                return false;
        for (size_t i = 0; i < s->n_lowers; i++)
                if (!has_checkout(store, &s->lowers[i].tree))
                        return false;
        return true;
}

const char *stack_states(void)
{
        return secure_getenv("STEAD_STATE") ?: STATE_DIRECTORY;
}

/* Not /etc/os-release, which is a link that leads there in another layer. */
static int read_os_release(const char *path, char **ret)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -errno : path_read(fd, "/usr/lib/os-release", OS_RELEASE_MAX, ret);

        if (n == -ENOENT && fd >= 0)
                n = path_read(fd, "/etc/os-release", OS_RELEASE_MAX, ret);
        return n < 0 ? (int)n : 0;
}

int stack_read_os_release(const char *machine, char **ret)
{
        const char *store = store_place();
        _cleanup_stack_ Stack s = STACK_NULL;
        _cleanup_close_ int state_fd = -EBADF;
        _cleanup_free_ char *upper = NULL;
        int r = generation_open_state(machine, false, &state_fd, NULL);

        if (r >= 0)
                r = stack_load(state_fd, &s, NULL);
        if (r < 0)
                return r;
        if (asprintf(&upper, "%s/%s/upper", stack_states(), machine) < 0) {
                upper = NULL;
                return -ENOMEM;
        }
        r = read_os_release(upper, ret);
        for (size_t i = s.n_lowers; r < 0 && i > 0; i--) {
                _cleanup_free_ char *path = NULL;
                char tree[HASH_TEXT_SIZE];

                if (asprintf(&path, "%s/checkouts/%s", store,
                             hash_to_string(&s.lowers[i - 1].tree, tree)) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = read_os_release(path, ret);
        }
        return r;
}
