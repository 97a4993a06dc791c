/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/copy-receiver.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "os/remove-tree.h"

#include <string.h>

/* How the entry @name in the directory where we are is called for people. */
static const char *shown(const Receiver *c, const char *name, Buffer *text)
{
        buffer_puts(text, c->target->options.label);
        if (c->name_shown && *c->name)
                buffer_printf(text, "%s%s", text->data[text->size - 1] == '/' ? "" : "/", c->name);
        for (size_t i = 2; i < c->n; i++)
                buffer_printf(text, "/%s", c->frames[i].name);
        if (!receiver_is_at_root(c) && *name)
                buffer_printf(text, "/%s", name);
        return buffer_error(text) < 0 ? c->target->options.label : text->data;
}

static bool is_fatal(int r)
{
        return r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -ECONNABORTED || r == -ENOMEM;
}

int receiver_failed(const Receiver *c, const char *name, int r, Error *error, const char *what)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const char *path = shown(c, name, &text);

        if (r == -ECONNABORTED)
                return r;
        if (is_fatal(r))
                return error_errno(error, -r, "Failed to %s '%s'", what, path);
        return copy_failed(&c->target->options, path, r, error, what);
}

void receiver_note(const Receiver *c, CopyNoteKind kind, const char *name)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        copy_note(c->target->options.totals, kind, shown(c, name, &text));
}

int receiver_push(Receiver *c, FrameKind kind, int fd, const char *name, const char *staged)
{
        if (c->n == c->n_allocated) {
                size_t n = c->n_allocated > 0 ? 2 * c->n_allocated : 16;
                Frame *grown = reallocarray(c->frames, n, sizeof(Frame));

                if (!grown) {
                        closep(&fd);
                        return -ENOMEM;
                }
                c->frames = grown;
                c->n_allocated = n;
        }
        c->frames[c->n] = (Frame){ .kind = kind, .fd = fd, .name = strdup(name) };
        (void)snprintf(c->frames[c->n].staged, STAGED_NAME_SIZE, "%s", staged);
        c->n++; /* also without memory for its name: it is to be cleaned up */
        return receiver_top(c)->name ? 0 : -ENOMEM;
}

void receiver_pop(Receiver *c)
{
        Frame *f = receiver_top(c);

        closep(&f->fd);
        free(f->name);
        c->n--;
}

/* What has no name yet, from the innermost out: removing the outermost is enough. */
void receiver_done(Receiver *c)
{
        for (size_t i = 1; i < c->n; i++)
                if (c->frames[i].kind == FRAME_STAGED) {
                        (void)remove_tree_one_mount(c->frames[i - 1].fd, c->frames[i].staged);
                        break;
                }
        while (c->n > 0)
                receiver_pop(c);
        free(c->frames);
        free(c->name);
        free(c->buffer);
        data_copier_done(&c->data);
        copy_attributes_clear(&c->attributes);
}
