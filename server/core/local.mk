libserver_a_SOURCES += server/core/ranks.h
libserver_a_SOURCES += server/core/gfid.h server/core/gfid.c
libserver_a_SOURCES += server/core/iatt.h
libserver_a_SOURCES += server/core/dict.h server/core/dict.c
libserver_a_SOURCES += server/core/caller.h server/core/caller.c
libserver_a_SOURCES += server/core/escape.h server/core/escape.c
libserver_a_SOURCES += server/core/humane.h server/core/humane.c
libserver_a_SOURCES += server/core/timestamp.h server/core/timestamp.c
libserver_a_SOURCES += server/core/log.h server/core/log.c
libserver_a_SOURCES += server/core/log_back.h
libserver_a_SOURCES += server/core/log_file.c
libserver_a_SOURCES += server/core/log_journal.c
libserver_a_SOURCES += server/core/dump.h server/core/dump.c
libserver_a_SOURCES += server/core/nearest.h server/core/nearest.c
libserver_a_SOURCES += server/core/option_list.h
libserver_a_SOURCES += server/core/options.h server/core/options.c
libserver_a_SOURCES += server/core/option_table.c
libserver_a_SOURCES += server/core/option_value.h server/core/option_value.c
libserver_a_SOURCES += server/core/options_stage.h
libserver_a_SOURCES += server/core/options_stage.c
libserver_a_SOURCES += server/core/config_file.h server/core/config_file.c
libserver_a_SOURCES += server/core/volfile.h server/core/volfile.c
libserver_a_SOURCES += server/core/volfile_lex.h server/core/volfile_lex.c
libserver_a_SOURCES += server/core/volfile_rules.h
libserver_a_SOURCES += server/core/volfile_map.c
libserver_a_SOURCES += server/core/cmdline.h server/core/cmdline.c
libserver_a_SOURCES += server/core/cmdline_list.h
libserver_a_SOURCES += server/core/acl.h server/core/acl.c
libserver_a_SOURCES += server/core/libraries.h server/core/libraries.c

core_tests = \
	tests/unit/test_gfid tests/unit/test_dict tests/unit/test_log \
	tests/unit/test_dump tests/unit/test_options \
	tests/unit/test_config_file tests/unit/test_volfile \
	tests/unit/test_cmdline
check_PROGRAMS += $(core_tests)
TESTS += $(core_tests)
core_fixture = tests/unit/core_fixture.h tests/unit/core_fixture.c
core_test_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)
core_libs = libserver.a libmem.a $(INIH_LIBS) $(SYSTEMD_LIBS)

tests_unit_test_gfid_SOURCES = tests/unit/test_gfid.c $(core_fixture)
tests_unit_test_gfid_CFLAGS = $(core_test_cflags)
tests_unit_test_gfid_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_dict_SOURCES = tests/unit/test_dict.c $(core_fixture)
tests_unit_test_dict_CFLAGS = $(core_test_cflags)
tests_unit_test_dict_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c $(core_fixture)
tests_unit_test_log_CFLAGS = $(core_test_cflags)
tests_unit_test_log_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_dump_SOURCES = tests/unit/test_dump.c $(core_fixture)
tests_unit_test_dump_CFLAGS = $(core_test_cflags)
tests_unit_test_dump_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_options_SOURCES = tests/unit/test_options.c $(core_fixture)
tests_unit_test_options_CFLAGS = $(core_test_cflags)
tests_unit_test_options_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_config_file_SOURCES = tests/unit/test_config_file.c $(core_fixture)
tests_unit_test_config_file_CFLAGS = $(core_test_cflags)
tests_unit_test_config_file_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_volfile_SOURCES = tests/unit/test_volfile.c $(core_fixture)
tests_unit_test_volfile_CFLAGS = $(core_test_cflags)
tests_unit_test_volfile_LDADD = $(core_libs) $(CHECK_LIBS)
tests_unit_test_cmdline_SOURCES = tests/unit/test_cmdline.c $(core_fixture)
tests_unit_test_cmdline_CFLAGS = $(core_test_cflags)
tests_unit_test_cmdline_LDADD = $(core_libs) $(CHECK_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_volfile
tests_fuzz_fuzz_volfile_SOURCES = tests/fuzz/fuzz_volfile.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_volfile_LDADD = $(core_libs)
check_PROGRAMS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_config_LDADD = $(core_libs)
