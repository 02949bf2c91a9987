/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from outside as a JSON string. */
#ifndef CLINKER_SERVER_ADMIN_CONTROL_TEXT_H
#define CLINKER_SERVER_ADMIN_CONTROL_TEXT_H

#include <json.h>
#include <stdint.h>

/* A new JSON string of `text`, with what is no UTF-8 as \xNN: a client calls
 * itself what it likes, the answer stays JSON.  NULL text, or no memory: NULL,
 * which JSON writes as null. */
json_object *control_text(const char *text);

/* A new member that is an empty object or list, or a new object at a list's
 * end.  Without memory, or where the first argument is NULL, NULL: what would
 * be in it is then left out. */
json_object *control_add_object(json_object *obj, const char *key);
json_object *control_add_list(json_object *obj, const char *key);
json_object *control_list_object(json_object *list);

/* Members of an object; no memory leaves them null. */
void control_add_text(json_object *obj, const char *key, const char *text);
void control_add_number(json_object *obj, const char *key, int64_t number);
void control_add_count(json_object *obj, const char *key, uint64_t count);
void control_add_decimal(json_object *obj, const char *key, double number);
void control_add_bool(json_object *obj, const char *key, int value);

#endif
