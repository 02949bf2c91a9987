/* SPDX-License-Identifier: BSD-2-Clause */
/* One request and its answer, told in the form that was asked for. */
#include "cli/ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/connect.h"
#include "cli/memory.h"
#include "mem/alloc.h"
#include "mem/scope.h"
#include "server/core/escape.h"

_Static_assert((int)CTL_ERROR_BYTES == (int)CONNECT_ERROR_BYTES,
               "they hand errors on");

MEM_TYPE(mt_text, "cli", "text");

json_object *
ctl_request(const char *command)
{
    json_object *request = memory_check(json_object_new_object());

    ctl_request_text(request, "command", command);
    return request;
}

void
ctl_request_text(json_object *request, const char *key, const char *value)
{
    json_object *text = memory_check(json_object_new_string(value));

    if (json_object_object_add(request, key, text) < 0)
        (void)memory_check(NULL);
}

json_object *
ctl_member(json_object *obj, const char *key)
{
    json_object *member;

    return json_object_object_get_ex(obj, key, &member) ? member : NULL;
}

const char *
ctl_text(json_object *obj, const char *key)
{
    json_object *member = ctl_member(obj, key);

    return json_object_is_type(member, json_type_string)
               ? json_object_get_string(member)
               : "";
}

int64_t
ctl_number(json_object *obj, const char *key)
{
    json_object *member = ctl_member(obj, key);

    return json_object_is_type(member, json_type_int)
               ? json_object_get_int64(member)
               : 0;
}

size_t
ctl_length(json_object *list)
{
    return json_object_is_type(list, json_type_array)
               ? json_object_array_length(list)
               : 0;
}

bool
ctl_bool(json_object *obj, const char *key)
{
    return json_object_get_boolean(ctl_member(obj, key));
}

static void
print_json(json_object *obj)
{
    const char *text = json_object_to_json_string_ext(
        obj, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                 JSON_C_TO_STRING_NOSLASHESCAPE);

    (void)puts(memory_check((void *)(uintptr_t)text));
}

/* As it stands when it is our own (several lines then), else on one line. */
static void
tell_error(struct ctl *ctl, const char *text, int code)
{
    json_object *obj;

    if (!ctl->json) {
        (void)fprintf(stderr, "%s: %s\n", ctl->program, text);
        return;
    }
    obj = memory_check(json_object_new_object());
    if (json_object_object_add(obj, "ok", json_object_new_boolean(0)) < 0 ||
        json_object_object_add(obj, "code", json_object_new_int(code)) < 0)
        (void)memory_check(NULL);
    ctl_request_text(obj, "error", text);
    print_json(obj);
    json_object_put(obj);
}

static int
show_refusal(struct ctl *ctl, json_object *reply)
{
    const char *text = ctl_text(reply, "error");
    AUTO_FREE char *line = NULL;
    size_t room = strlen(text) * 4 + 1;

    if (ctl->json) {
        print_json(reply);
        return CTL_REFUSED;
    }
    line = memory_check(mem_alloc(&mt_text, room));
    (void)escape_line(line, room, text, strlen(text), NULL);
    (void)fprintf(stderr, "%s: %s\n", ctl->program, line);
    return CTL_REFUSED;
}

static int
show_reply(struct ctl *ctl, json_object *reply,
           void (*show)(struct ctl *ctl, json_object *reply))
{
    if (!ctl_bool(reply, "ok"))
        return show_refusal(ctl, reply);
    if (ctl->json)
        print_json(reply);
    else
        show(ctl, reply);
    return CTL_OK;
}

int
ctl_show(struct ctl *ctl, json_object *reply,
         void (*show)(struct ctl *ctl, json_object *reply))
{
    int code = show_reply(ctl, reply, show);

    json_object_put(reply);
    return code;
}

int
ctl_fail(struct ctl *ctl, const char *text, int err)
{
    tell_error(ctl, text, -err);
    return CTL_REFUSED;
}

int
ctl_fetch(struct ctl *ctl, json_object *request, json_object **reply,
          char err[CTL_ERROR_BYTES])
{
    AUTO_CLOSE int fd = connect_daemon(ctl->socket, err);

    return fd < 0 ? fd : connect_ask(fd, request, reply, err);
}

int
ctl_unreachable(struct ctl *ctl, const char *err, int ret)
{
    tell_error(ctl, err, -ret);
    /* Which one to talk to is a question of the command line. */
    return ret == -EUSERS ? CTL_USAGE : CTL_UNREACHABLE;
}

int
ctl_ask(struct ctl *ctl, json_object *request,
        void (*show)(struct ctl *ctl, json_object *reply))
{
    char err[CTL_ERROR_BYTES];
    json_object *reply;
    int ret = ctl_fetch(ctl, request, &reply, err);

    json_object_put(request);
    if (ret < 0)
        return ctl_unreachable(ctl, err, ret);
    return ctl_show(ctl, reply, show);
}
