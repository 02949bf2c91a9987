noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	cli/ctl.h cli/ctl.c cli/ctl_list.h \
	cli/ask.c \
	cli/connect.h cli/connect.c \
	cli/memory.h cli/memory.c \
	cli/table.h cli/table.c \
	cli/parts.h \
	cli/cmd_io.c cli/top.h cli/top.c cli/cmd_top.c \
	cli/cmd_status.c cli/cmd_clients.c cli/cmd_locks.c \
	cli/cmd_statedump.c \
	cli/cmd_volume.c cli/cmd_config.c cli/cmd_log.c \
	cli/cmd_memory.c cli/cmd_memory_state.c cli/cmd_memory_types.c \
	cli/dump_table.h cli/dump_table.c cli/cmd_statedump_diff.c
dist_man_MANS += doc/clinkerctl.1

TESTS += tests/docs/man-clinkerctl.sh tests/docs/completion.sh
dist_check_SCRIPTS += tests/docs/man-clinkerctl.sh tests/docs/completion.sh

check_PROGRAMS += tests/unit/test_cli
TESTS += tests/unit/test_cli
tests_unit_test_cli_SOURCES = tests/unit/test_cli.c
tests_unit_test_cli_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cli_LDADD = libcli.a libserver.a libmem.a $(CHECK_LIBS) \
	$(JSON_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_dump_table
TESTS += tests/unit/test_dump_table
tests_unit_test_dump_table_SOURCES = tests/unit/test_dump_table.c
tests_unit_test_dump_table_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_dump_table_LDADD = libcli.a libserver.a libmem.a $(CHECK_LIBS) \
	$(JSON_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_top
TESTS += tests/unit/test_top
tests_unit_test_top_SOURCES = tests/unit/test_top.c
tests_unit_test_top_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_top_LDADD = libcli.a libserver.a libmem.a $(CHECK_LIBS) \
	$(JSON_LIBS) $(URCU_LIBS)
