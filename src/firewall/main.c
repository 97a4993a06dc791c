/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-firewall: keeps the host's nftables table equal to what the files in /run/stead/network
 * say. The launchers call it, one at a time holds the lock:
 *
 *     add NAME       after the file was written and the link is up; removes the file if it fails
 *     remove NAME    removes the file, too; the last one takes the table along, unless a launcher
 * that took its file away by itself still forwards: it calls when it does no more restore the whole
 * table, if it is not as it should be, and the guarded uplinks
 *
 * The usual change is that of one machine's elements and of the uplinks that are guarded. Wherever
 * that does not fit what is there, the table is replaced as a whole in one transaction, so that no
 * packet meets half a table. */

#include "firewall/transaction.h"
#include "network/local-path.h"
#include "network/table-check.h"
#include "network/table-text.h"
#include "network/udp-flows.h"
#include "os/lock.h"

#include <string.h>

#define LOCK_PATH PUBLISHED_LOCK

typedef struct Firewall {
        int dirfd;
        int check_fd;
        LockFile lock;
        PublishedList list;
        TableGuard guard;
        Transaction transaction;
} Firewall;

#define FIREWALL_NULL ((Firewall){ .dirfd = -EBADF, .check_fd = -EBADF, .lock = LOCK_FILE_NULL })

static void firewall_done(Firewall *f)
{
        published_list_done(&f->list);
        table_guard_done(&f->guard);
        lock_file_release(&f->lock);
        /* the kernel frees what was deleted, and nobody has to wait for that */
        transaction_done(&f->transaction);
        closep(&f->check_fd);
        closep(&f->dirfd);
        *f = FIREWALL_NULL;
}

static int firewall_open(Firewall *f, Error *error)
{
        int r;

        f->dirfd = published_open_directory(error);
        if (f->dirfd < 0)
                return f->dirfd;
        f->check_fd = table_check_open();
        if (f->check_fd < 0)
                return transaction_refused(-f->check_fd, error);
        r = lock_file_wait(LOCK_PATH, true, &f->lock);
        if (r < 0)
                return error_errno(error, -r, "Failed to lock '" LOCK_PATH "'");
        r = published_list_read(f->dirfd, &f->list, error);
        return r < 0 ? r : table_guard_read(&f->guard, error);
}

/* Whoever deletes a table waits at the end until the kernel has freed it, 10 to 20 ms: so not where
 * none is, before the first machine. */
static int replace(Firewall *f, Error *error)
{
        _cleanup_free_ char *text = NULL;
        bool there = table_exists(f->check_fd) != 0;
        int r = 0;

        if (table_text_replace(&f->list, &f->guard, there, &text) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (*text != '\0')
                r = transaction_run(&f->transaction, text, error);
        if (r >= 0)
                udp_flows_forget(f->list.items, f->list.n, true);
        return r;
}

/* One machine's share, or everything: when the table is unsound, or the share does not fit. */
static int change(Firewall *f, const Published *p, bool add, Error *error)
{
        _cleanup_free_ char *share = NULL, *guard = NULL, *text = NULL;
        int r = table_is_sound(f->check_fd);

        if (r < 0)
                return transaction_refused(-r, error);
        if (r == 0 || p->replaces)
                return replace(f, error);
        r = add ? table_text_add(&f->list, p, &share) : table_text_delete(&f->list, p, &share);
        if (r == -EEXIST)
                return replace(f, error);
        if (r >= 0)
                r = table_text_guard(&f->guard, &guard);
        if (r < 0 || asprintf(&text, "%s%s", share, guard) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (transaction_run(&f->transaction, text, NULL) < 0)
                return replace(f, error);
        udp_flows_forget(p, add ? 1 : 0, true);
        return 0;
}

static void forget(PublishedList *list, const char *machine)
{
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                if (strcmp(list->items[i].machine, machine) == 0)
                        published_done(&list->items[i]);
                else
                        list->items[n++] = list->items[i];
        }
        list->n = n;
}

/* Takes a machine out of directory and table. Without @p its share is not known. @stays: the table,
 * although it was the last one. */
static int withdraw(Firewall *f, const char *machine, const Published *p, bool stays, Error *error)
{
        int r = published_remove(f->dirfd, machine);

        if (r < 0)
                return error_errno(error, -r, "Failed to remove '" PUBLISHED_DIRECTORY "/%s'",
                                   machine);
        forget(&f->list, machine);
        r = p && (f->list.n > 0 || stays) ? change(f, p, false, error) : replace(f, error);
        if (r >= 0 && p)
                udp_flows_forget(p, 1, false);
        return r;
}

/* Nothing of a machine that was refused may count from now on; the refusal is what is told. */
static int do_add(Firewall *f, const char *machine, Error *error)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = published_read(f->dirfd, machine, &p, error);

        if (r == -EINVAL || r == -ENOENT)
                return r;
        if (r >= 0)
                r = published_list_check(&f->list, &p, NULL, error);
        if (r >= 0)
                r = change(f, &p, true, error);
        if (r < 0) {
                forget(&f->list, machine);
                (void)published_remove(f->dirfd, machine);
                if (p.replaces)
                        (void)replace(f, NULL); /* what an earlier run left */
                return r;
        }
        r = local_path_open(p.interface);
        if (r >= 0)
                return 0;
        (void)withdraw(f, machine, &p, false, NULL);
        return error_errno(error, -r,
                           "Failed to let answers for this host's loopback addresses in from '%s'",
                           p.interface);
}

static int do_remove(Firewall *f, const char *machine, Error *error)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        _cleanup_error_ Error cause = ERROR_NULL;
        bool guards = !table_guard_equal(&f->guard, &TABLE_GUARD_NULL);
        int r = published_read(f->dirfd, machine, &p, &cause);

        if (r == -EINVAL) /* no name of a machine */
                return error_move(error, &cause);
        if (r == -ENOENT && (f->list.n > 0 || guards))
                return 0; /* never there, or removed before */
        return withdraw(f, machine, r < 0 ? NULL : &p, guards, error);
}

static int update_guard(Firewall *f, Error *error)
{
        _cleanup_free_ char *text = NULL;

        if (table_text_guard(&f->guard, &text) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return transaction_run(&f->transaction, text, error);
}

/* Called by every launcher at once when the table was lost: the first one restores it. By hand it
 * also looks for uplinks anew. */
static int do_restore(Firewall *f, Error *error)
{
        int r = table_is_sound(f->check_fd);

        if (r < 0)
                return transaction_refused(-r, error);
        if (r > 0 && f->list.n > 0)
                return update_guard(f, error);
        return replace(f, error);
}

static int run(char **argv, Error *error)
{
        _cleanup_(firewall_done) Firewall f = FIREWALL_NULL;
        int r = firewall_open(&f, error);

        if (r < 0)
                return r;
        if (strcmp(argv[1], "add") == 0)
                return do_add(&f, argv[2], error);
        if (strcmp(argv[1], "remove") == 0)
                return do_remove(&f, argv[2], error);
        return do_restore(&f, error);
}

int main(int argc, char **argv)
{
        _cleanup_error_ Error error = ERROR_NULL;
        bool named = argc == 3 && (strcmp(argv[1], "add") == 0 || strcmp(argv[1], "remove") == 0);

        if (!named && (argc != 2 || strcmp(argv[1], "restore") != 0)) {
                fprintf(stderr, "Usage: stead-firewall add NAME | remove NAME | restore\n");
                return 2;
        }
        if (run(argv, &error) < 0) {
                error_print(&error);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
