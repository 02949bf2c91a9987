/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on the control socket, and text on its way into answers. */
#include "server/admin/control_line.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "server/admin/control_text.h"

static struct control_request req;
static char err[CONTROL_ERROR_BYTES];

static int
parse(const char *line)
{
    err[0] = '\0';
    return control_line_parse(&req, line, strlen(line), err);
}

START_TEST(request_names_its_command)
{
    ck_assert_int_eq(parse("{\"command\":\"config-get\",\"key\":\"a.b\"}"), 0);
    ck_assert_str_eq(req.command, "config-get");
    ck_assert_str_eq(control_request_text(&req, "key"), "a.b");
    ck_assert_ptr_null(control_request_text(&req, "value"));
    control_request_fini(&req);
    ck_assert_int_eq(parse("  { \"command\" : \"x\" } \t\r"), 0);
    ck_assert_str_eq(req.command, "x");
    control_request_fini(&req);
}
END_TEST

START_TEST(members_of_other_types_are_no_text)
{
    ck_assert_int_eq(parse("{\"command\":\"x\",\"a\":1,\"b\":null,\"c\":[],"
                           "\"d\":\"nul\\u0000here\"}"),
                     0);
    for (const char *key = "abcd"; *key != '\0'; key++)
        ck_assert_ptr_null(control_request_text(&req, (char[2]){*key, '\0'}));
    control_request_fini(&req);
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
    static const char *const lines[] = {
        "",
        " ",
        "x",
        "1",
        "null",
        "\"command\"",
        "[\"command\"]",
        "{}",
        "{\"command\":1}",
        "{\"command\":null}",
        "{\"command\":\"a\\u0000b\"}",
        "{\"command\":\"x\"",
        "{\"command\":\"x\"}{\"command\":\"y\"}",
        "{\"command\":\"x\"} y",
        "{\"command\":\"\xff\xfe\"}",
        "{command:\"x\"}",
        "{'command':'x'}",
        "{\"command\":\"x\",\"a\":[[[[[[[[[[1]]]]]]]]]]}",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(parse(lines[i]) == -EINVAL, "taken: %s", lines[i]);
        ck_assert_ptr_null(req.root);
        ck_assert_msg(err[0] != '\0', "no text for: %s", lines[i]);
    }
    /* A NUL is not the end of a line. */
    ck_assert_int_eq(
        control_line_parse(&req, "{\"command\":\"x\"}\0", 16, err), -EINVAL);
}
END_TEST

START_TEST(request_has_a_bound)
{
    static char line[CONTROL_LINE_BYTES_MAX + 1];
    const char *head = "{\"command\":\"";
    size_t head_bytes = strlen(head);

    memset(line, 'x', sizeof(line));
    memcpy(line, head, head_bytes);
    memcpy(line + CONTROL_LINE_BYTES_MAX - 2, "\"}", 2);
    ck_assert_int_eq(
        control_line_parse(&req, line, CONTROL_LINE_BYTES_MAX, err), 0);
    ck_assert_uint_eq(strlen(req.command),
                      CONTROL_LINE_BYTES_MAX - head_bytes - 2);
    control_request_fini(&req);
    ck_assert_int_eq(
        control_line_parse(&req, line, CONTROL_LINE_BYTES_MAX + 1, err),
        -EMSGSIZE);
}
END_TEST

static void
text_becomes(const char *text, const char *wanted)
{
    json_object *s = control_text(text);

    ck_assert_str_eq(json_object_get_string(s), wanted);
    json_object_put(s);
}

START_TEST(text_becomes_utf8)
{
    text_becomes("", "");
    text_becomes("plain /path", "plain /path");
    text_becomes("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xa7\xb1",
                 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xa7\xb1");
    text_becomes("\xff", "\\xff");
    text_becomes("a\xc3", "a\\xc3");            /* cut short */
    text_becomes("\xc0\xaf", "\\xc0\\xaf");     /* overlong */
    text_becomes("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    text_becomes("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
    text_becomes("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    text_becomes("\xe2\x82", "\\xe2\\x82");
    ck_assert_ptr_null(control_text(NULL));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("control_line");
    TCase *t = tcase_create("lines");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(t, request_names_its_command);
    tcase_add_test(t, members_of_other_types_are_no_text);
    tcase_add_test(t, what_is_no_request_is_refused);
    tcase_add_test(t, request_has_a_bound);
    tcase_add_test(t, text_becomes_utf8);
    suite_add_tcase(s, t);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
