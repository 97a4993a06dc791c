/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables for people and for programs. */

#include "cli/table.h"

#include "base/cleanup.h"
#include "cli/printable.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct Cell {
        char *text;
        json_t *value;
        Color color;
} Cell;

struct Table {
        const Column *columns;
        size_t n_columns;
        Cell *cells;
        size_t n_cells;
        bool failed; /* an allocation did: told once, by table_print() */
};

Table *table_new(const Column *columns, size_t n)
{
        Table *t = calloc(1, sizeof(Table));

        if (t) {
                t->columns = columns;
                t->n_columns = n;
        }
        return t;
}

Table *table_free(Table *t)
{
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++) {
                free(t->cells[i].text);
                json_decref(t->cells[i].value);
        }
        free(t->cells);
        free(t);
        return NULL;
}

static void add_cell(Table *t, const char *text, json_t *value_take, Color color)
{
        Cell cell = { .value = value_take, .color = color };
        Cell *grown;

        if (!t) {
                json_decref(value_take);
                return;
        }
        grown = reallocarray(t->cells, t->n_cells + 1, sizeof(Cell));
        cell.text = text ? printable_text(text) : NULL;
        if (!cell.value)
                cell.value = printable_json(text);
        if (grown)
                t->cells = grown;
        if (!grown || (text && !cell.text) || !cell.value) {
                free(cell.text);
                json_decref(cell.value);
                t->failed = true;
                return;
        }
        t->cells[t->n_cells++] = cell;
}

void table_add(Table *t, const char *text, json_t *value_take)
{
        add_cell(t, text, value_take, COLOR_NONE);
}

void table_add_color(Table *t, const char *text, Color color)
{
        add_cell(t, text, NULL, color);
}

size_t table_rows(const Table *t)
{
        return t ? t->n_cells / t->n_columns : 0;
}

/* Columns that UTF-8 text takes, counting each character as one. */
static size_t text_width(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char)*s & 0xc0) != 0x80;
        return n;
}

static const char *cell_text(const Cell *c)
{
        return c->text && *c->text ? c->text : "-";
}

static size_t column_width(const Table *t, size_t column)
{
        size_t width = text_width(t->columns[column].head);

        for (size_t i = column; i < t->n_cells; i += t->n_columns)
                width = MAX_OF(width, text_width(cell_text(&t->cells[i])));
        return width;
}

static bool is_last_shown(const Table *t, size_t column)
{
        for (size_t c = column + 1; c < t->n_columns; c++)
                if (t->columns[c].head)
                        return false;
        return true;
}

static void print_cell(const Table *t, size_t column, const char *text, Color color)
{
        int padding = (int)(column_width(t, column) - text_width(text));
        bool right = t->columns[column].right, last = is_last_shown(t, column);

        printf("%*s%s%s%s%*s%s", right ? padding : 0, "", color_on(stdout, color), text,
               color_off(stdout, color), right || last ? 0 : padding, "", last ? "\n" : "  ");
}

static void print_text(const Table *t)
{
        for (size_t c = 0; c < t->n_columns; c++)
                if (t->columns[c].head)
                        print_cell(t, c, t->columns[c].head, COLOR_BOLD);
        for (size_t i = 0; i < t->n_cells; i++)
                if (t->columns[i % t->n_columns].head)
                        print_cell(t, i % t->n_columns, cell_text(&t->cells[i]), t->cells[i].color);
}

json_t *table_to_json(const Table *t)
{
        json_t *array = t && !t->failed ? json_array() : NULL;

        for (size_t row = 0; array && row < table_rows(t); row++) {
                json_t *object = json_object();

                for (size_t c = 0; object && c < t->n_columns; c++)
                        if (json_object_set(object, t->columns[c].key,
                                            t->cells[row * t->n_columns + c].value) < 0) {
                                json_decref(object);
                                object = NULL;
                        }
                if (!object || json_array_append_new(array, object) < 0) {
                        json_decref(array);
                        return NULL;
                }
        }
        return array;
}

int table_print(const Table *t, bool json)
{
        if (!t || t->failed)
                return -ENOMEM;
        if (json)
                return json_print_take(table_to_json(t));
        print_text(t);
        return 0;
}

int json_print_take(json_t *value)
{
        int r;

        if (!value)
                return -ENOMEM;
        r = json_dumpf(value, stdout,
                       JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
                               (isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT));
        json_decref(value);
        putchar('\n');
        return r < 0 ? -EIO : 0;
}
