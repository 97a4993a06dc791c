/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generations as small text files; the number of the wanted one in a file of its own. */

#include "stack/generation.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "os/subvolume.h"
#include "stack/stack.h"
#include "store/object-list.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GENERATIONS "generations"
#define FILE_MAX ((size_t)1024 * 1024)
#define MAGIC "stead-generation 1"

void stack_layer_done(StackLayer *l)
{
        free(l->name);
        *l = (StackLayer){};
}

int stack_layer_append(StackLayer **layers, size_t *n, const char *name, const Hash *commit,
                       const Hash *tree)
{
        StackLayer *grown = reallocarray(*layers, *n + 1, sizeof(*grown));
        char *copy = strdup(name);

        if (grown)
                *layers = grown;
        if (!grown || !copy) {
                free(copy);
                return -ENOMEM;
        }
        grown[(*n)++] = (StackLayer){
                .commit = commit ? *commit : HASH_NULL,
                .tree = *tree,
                .name = copy,
        };
        return 0;
}

void generation_done(Generation *g)
{
        for (size_t i = 0; i < g->n_layers; i++)
                stack_layer_done(&g->layers[i]);
        free(g->layers);
        free(g->reason);
        *g = GENERATION_NULL;
}

int generation_add_layer(Generation *g, const char *name, const Hash *commit, const Hash *tree)
{
        return stack_layer_append(&g->layers, &g->n_layers, name, commit, tree);
}

bool generation_has_names(const Generation *g, char *const *names)
{
        if (strv_length(names) != g->n_layers)
                return false;
        for (size_t i = 0; i < g->n_layers; i++)
                if (strcmp(g->layers[i].name, names[i]) != 0)
                        return false;
        return true;
}

bool generation_is_same(const Generation *a, const Generation *b)
{
        if (a->n_layers != b->n_layers)
                return false;
        for (size_t i = 0; i < a->n_layers; i++)
                if (!hash_equal(&a->layers[i].commit, &b->layers[i].commit) ||
                    strcmp(a->layers[i].name, b->layers[i].name) != 0)
                        return false;
        return true;
}

static int make_state(const char *place, const char *machine)
{
        _cleanup_close_ int fd = -EBADF;
        int r = mkdir_parents_at(AT_FDCWD, place, 0700);

        if (r < 0)
                return r;
        fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? -errno : subvolume_make_directory(fd, machine, 0700);
        return r == -EEXIST ? 0 : r;
}

int generation_open_state(const char *machine, bool make, int *ret_fd, Error *error)
{
        const char *place = stack_states();
        _cleanup_free_ char *path = NULL;
        int fd, r;

        if (asprintf(&path, "%s/%s", place, machine) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = make && access(path, F_OK) < 0 ? make_state(place, machine) : 0;
        if (r < 0)
                return error_errno(error, -r, "Failed to make '%s'", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
                error_hint(error, "stead create %s debian/12", machine);
                return error_set(error, ENOENT, "Machine '%s' is not made of layers", machine);
        }
        if (fd < 0)
                return error_errno(error, errno, "Failed to open '%s'", path);
        *ret_fd = fd;
        return 0;
}

int generation_lock_state(int state_fd, const char *machine, bool wait, int *ret_fd, Error *error)
{
        _cleanup_close_ int fd =
                openat(state_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r;

        if (fd < 0)
                return error_errno(error, errno, "Failed to open the lock of machine '%s'",
                                   machine);
        do
                r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
        while (r < 0 && errno == EINTR);
        if (r < 0 && errno == EWOULDBLOCK) {
                error_hint(error, "stead stop %s", machine);
                return error_set(error, EBUSY,
                                 "The state of machine '%s' is in use: it runs, or another "
                                 "command works on it",
                                 machine);
        }
        if (r < 0)
                return error_errno(error, errno, "Failed to lock machine '%s'", machine);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Files of the machine's own directory are ours; but a disk may have been repaired by hand. */
static int damaged(Error *error, const char *file)
{
        return error_set(error, EBADMSG, "File '%s' of the machine's generations is damaged", file);
}

static int parse_layer(char *words, Generation *g)
{
        char *tree = strchr(words, ' '), *name = tree ? strchr(tree + 1, ' ') : NULL;
        Hash commit_id, tree_id;

        if (!name || !name[1])
                return -EINVAL;
        *tree++ = '\0';
        *name++ = '\0';
        if (hash_parse(words, &commit_id) < 0 || hash_parse(tree, &tree_id) < 0)
                return -EINVAL;
        return generation_add_layer(g, name, &commit_id, &tree_id);
}

static int parse_line(char *line, Generation *g)
{
        char *value = strchr(line, ' ');
        uint64_t time;

        if (!value)
                return -EINVAL;
        *value++ = '\0';
        if (strcmp(line, "layer") == 0)
                return parse_layer(value, g);
        if (strcmp(line, "reason") == 0 && !g->reason) {
                g->reason = strdup(value);
                return g->reason ? 0 : -ENOMEM;
        }
        if (strcmp(line, "time") != 0 || parse_uint64(value, &time) < 0 || time > INT64_MAX)
                return -EINVAL;
        g->time = (int64_t)time;
        return 0;
}

static int generation_parse(char *text, Generation *g)
{
        char *line = text, *next;
        size_t n = 0;
        int r = 0;

        for (; r >= 0 && *line; line = next, n++) {
                next = strchr(line, '\n');
                if (!next)
                        return -EINVAL; /* cut off */
                *next++ = '\0';
                r = n > 0 ? parse_line(line, g) : strcmp(line, MAGIC) == 0 ? 0 : -EINVAL;
        }
        return r < 0 ? r : n == 0 || g->n_layers == 0 || !g->reason ? -EINVAL : 0;
}

int generation_load(int state_fd, unsigned number, Generation *ret, Error *error)
{
        _cleanup_generation_ Generation g = GENERATION_NULL;
        _cleanup_free_ char *text = NULL;
        char path[sizeof(GENERATIONS) + 16];
        ssize_t n;

        (void)snprintf(path, sizeof(path), GENERATIONS "/%u", number);
        n = read_file_at(state_fd, path, FILE_MAX, &text);
        if (n == -ENOENT)
                return error_set(error, ENOENT, "There is no generation %u any more", number);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read generation %u", number);
        if (strlen(text) != (size_t)n || generation_parse(text, &g) < 0)
                return damaged(error, path);
        g.number = number;
        *ret = g;
        g = GENERATION_NULL;
        return 0;
}

static int generation_write(const Generation *g, char **ret)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        buffer_printf(&out, MAGIC "\ntime %" PRId64 "\nreason %s\n", g->time, g->reason);
        for (size_t i = 0; i < g->n_layers; i++) {
                char commit[HASH_TEXT_SIZE], tree[HASH_TEXT_SIZE];

                buffer_printf(&out, "layer %s %s %s\n",
                              hash_to_string(&g->layers[i].commit, commit),
                              hash_to_string(&g->layers[i].tree, tree), g->layers[i].name);
        }
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

static int compare_numbers(const void *a, const void *b)
{
        unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

        return (x > y) - (x < y);
}

typedef struct Numbers {
        unsigned *list;
        size_t n;
} Numbers;

static int add_number(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        Numbers *numbers = userdata;
        uint32_t number;
        unsigned *grown;

        if (parse_uint32(name, &number) < 0)
                return 0;
        grown = reallocarray(numbers->list, numbers->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        numbers->list = grown;
        grown[numbers->n++] = number;
        return 0;
}

/* The numbers that there are, lowest first. */
static int list_numbers(int state_fd, unsigned **ret, size_t *ret_n)
{
        Numbers numbers = { .list = NULL };
        int r = names_in(state_fd, GENERATIONS, false, add_number, &numbers);

        if (r < 0) {
                free(numbers.list);
                return r;
        }
        if (numbers.n > 0)
                qsort(numbers.list, numbers.n, sizeof(*numbers.list), compare_numbers);
        *ret = numbers.list;
        *ret_n = numbers.n;
        return 0;
}

int generation_wanted(int state_fd, unsigned *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(state_fd, "wanted", 64, &text);
        uint32_t number = 0;

        if (n < 0 && n != -ENOENT)
                return error_errno(error, (int)-n, "Failed to read 'wanted'");
        if (n >= 0) {
                text[strcspn(text, "\n")] = '\0';
                if (parse_uint32(text, &number) < 0)
                        return damaged(error, "wanted");
        }
        *ret = number;
        return 0;
}

static int set_wanted(int state_fd, unsigned number, Error *error)
{
        char text[16];
        int r;

        (void)snprintf(text, sizeof(text), "%u\n", number);
        r = write_file_synced_at(state_fd, "wanted", text, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write 'wanted'") : 0;
}

void generation_sweep(int dirfd, const char *directory, const char *file)
{
        int fd = openat(dirfd, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        char pattern[64];

        (void)snprintf(pattern, sizeof(pattern), ".%s.*.tmp", file);
        for (struct dirent *e; d && (e = readdir(d));)
                if (fnmatch(pattern, e->d_name, 0) == 0)
                        (void)unlinkat(fd, e->d_name, 0); /* in nobody's way */
}

static void remove_generation(int state_fd, unsigned number)
{
        char path[32];

        (void)snprintf(path, sizeof(path), GENERATIONS "/%u", number);
        (void)unlinkat(state_fd, path, 0); /* what it saved goes with the next switch */
}

/* Those that are too old, but never the one that the machine has or is to have. What cannot be
 * removed is in nobody's way. */
static void remove_old(int state_fd, const unsigned *numbers, size_t n, unsigned wanted)
{
        _cleanup_stack_ Stack stack = STACK_NULL;

        (void)stack_load(state_fd, &stack, NULL); /* none yet: generation 0 */
        for (size_t i = 0; i + GENERATION_KEEP < n; i++)
                if (numbers[i] != wanted && numbers[i] != stack.generation)
                        remove_generation(state_fd, numbers[i]);
}

/* What somebody wrote who was killed before it was wanted never was one: @numbers without those. */
static size_t remove_unwanted(int state_fd, const unsigned *numbers, size_t n, unsigned wanted)
{
        while (wanted > 0 && n > 0 && numbers[n - 1] > wanted)
                remove_generation(state_fd, numbers[--n]);
        return n;
}

static int add_locked(int state_fd, Generation *g, Error *error)
{
        _cleanup_free_ unsigned *numbers = NULL;
        _cleanup_free_ char *text = NULL;
        char path[sizeof(GENERATIONS) + 16];
        unsigned wanted;
        size_t n;
        int r = generation_wanted(state_fd, &wanted, error);

        if (r < 0)
                return r;
        generation_sweep(state_fd, ".", "wanted");
        generation_sweep(state_fd, GENERATIONS, "*");
        r = list_numbers(state_fd, &numbers, &n);
        if (r < 0)
                return error_errno(error, -r, "Failed to read '" GENERATIONS "'");
        n = remove_unwanted(state_fd, numbers, n, wanted);
        g->number = MAX_OF(wanted, n > 0 ? numbers[n - 1] : 0) + 1;
        if (g->time == 0)
                g->time = time(NULL);
        (void)snprintf(path, sizeof(path), GENERATIONS "/%u", g->number);
        r = generation_write(g, &text);
        if (r >= 0)
                r = write_file_synced_at(state_fd, path, text, 0600);
        if (r < 0)
                return error_errno(error, -r, "Failed to write generation %u", g->number);
        r = set_wanted(state_fd, g->number, error);
        if (r < 0)
                (void)unlinkat(state_fd, path, 0);
        else
                remove_old(state_fd, numbers, n, g->number);
        return r;
}

int generation_add(int state_fd, Generation *g, Error *error)
{
        _cleanup_close_ int lock = -EBADF;

        if (mkdirat(state_fd, GENERATIONS, 0700) < 0 && errno != EEXIST)
                return error_errno(error, errno, "Failed to make '" GENERATIONS "'");
        /* not the machine's own lock: that is held as long as it runs */
        lock = openat(state_fd, GENERATIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (lock < 0 || flock(lock, LOCK_EX) < 0)
                return error_errno(error, errno, "Failed to lock '" GENERATIONS "'");
        return add_locked(state_fd, g, error);
}

void generation_list_free(Generation *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                generation_done(&list[i]);
        free(list);
}

int generation_list(int state_fd, Generation **ret, size_t *ret_n, Error *error)
{
        _cleanup_free_ unsigned *numbers = NULL;
        Generation *list;
        size_t n, loaded = 0;
        int r = list_numbers(state_fd, &numbers, &n);

        if (r < 0)
                return error_errno(error, -r, "Failed to read '" GENERATIONS "'");
        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error problem = ERROR_NULL;

                r = generation_load(state_fd, numbers[i], &list[loaded], &problem);
                if (r >= 0)
                        loaded++;
                else if (r != -ENOENT) { /* else: another one has just made it old */
                        generation_list_free(list, loaded);
                        return error_move(error, &problem);
                }
        }
        *ret = list;
        *ret_n = loaded;
        return 0;
}
