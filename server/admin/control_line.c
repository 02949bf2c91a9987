/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/control_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int
refuse(char err[CONTROL_ERROR_BYTES], int code, const char *text)
{
    (void)snprintf(err, CONTROL_ERROR_BYTES, "%s", text);
    return code;
}

/* -EINVAL when the line holds anything but one value. */
static int
parse_value(const char *line, size_t bytes, json_object **root)
{
    json_tokener *tok = json_tokener_new_ex(CONTROL_DEPTH_MAX);
    enum json_tokener_error jerr;
    size_t end;

    *root = NULL;
    if (tok == NULL)
        return -ENOMEM;
    /* Strict refuses what follows the value, too. */
    json_tokener_set_flags(tok,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *root = json_tokener_parse_ex(tok, line, (int)bytes);
    jerr = json_tokener_get_error(tok);
    end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    while (end < bytes && strchr(" \t\r", line[end]) != NULL &&
           line[end] != '\0')
        end++;
    if (jerr == json_tokener_success && end == bytes)
        return 0;
    json_object_put(*root);
    *root = NULL;
    return -EINVAL;
}

const char *
control_request_text(const struct control_request *req, const char *key)
{
    json_object *value;
    const char *text;

    if (!json_object_object_get_ex(req->root, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text
                                                                     : NULL;
}

int
control_line_parse(struct control_request *req, const char *line, size_t bytes,
                   char err[CONTROL_ERROR_BYTES])
{
    int ret;

    req->root = NULL;
    req->command = NULL;
    if (bytes > CONTROL_LINE_BYTES_MAX)
        return refuse(err, -EMSGSIZE, "the request is too long");
    ret = parse_value(line, bytes, &req->root);
    if (ret == -ENOMEM)
        return refuse(err, ret, "out of memory");
    if (ret < 0 || !json_object_is_type(req->root, json_type_object)) {
        control_request_fini(req);
        return refuse(err, -EINVAL, "the request is not one JSON object");
    }
    req->command = control_request_text(req, "command");
    if (req->command == NULL) {
        control_request_fini(req);
        return refuse(err, -EINVAL, "the request names no command");
    }
    return 0;
}

void
control_request_fini(struct control_request *req)
{
    json_object_put(req->root);
    req->root = NULL;
    req->command = NULL;
}
