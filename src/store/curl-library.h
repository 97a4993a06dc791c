/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libcurl, loaded when something is pulled. Linked, it and the twenty libraries that it brings
 * would add four milliseconds to every call of `stead`, of which hardly any talks to a server. */

#include "base/error.h"

#define CURL_DISABLE_TYPECHECK /* its macros name the functions */
#include <curl/curl.h>

typedef struct CurlLibrary {
        typeof(&curl_global_init) global_init;
        typeof(&curl_easy_init) easy_init;
        typeof(&curl_easy_setopt) easy_setopt;
        typeof(&curl_easy_getinfo) easy_getinfo;
        typeof(&curl_easy_strerror) easy_strerror;
        typeof(&curl_easy_cleanup) easy_cleanup;
        typeof(&curl_multi_init) multi_init;
        typeof(&curl_multi_setopt) multi_setopt;
        typeof(&curl_multi_add_handle) multi_add_handle;
        typeof(&curl_multi_remove_handle) multi_remove_handle;
        typeof(&curl_multi_perform) multi_perform;
        typeof(&curl_multi_poll) multi_poll;
        typeof(&curl_multi_info_read) multi_info_read;
        typeof(&curl_multi_cleanup) multi_cleanup;
} CurlLibrary;

/* It stays loaded. -ENOENT: it is not installed. */
int curl_library_load(CurlLibrary *ret, Error *error);
