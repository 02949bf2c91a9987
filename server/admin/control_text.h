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

/* Members of an object; no memory leaves them null. */
void control_add_text(json_object *obj, const char *key, const char *text);
void control_add_number(json_object *obj, const char *key, int64_t number);
void control_add_bool(json_object *obj, const char *key, int value);

#endif
