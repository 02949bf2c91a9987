libserver_a_SOURCES += server/admin/admin.h server/admin/ranks.h
libserver_a_SOURCES += server/admin/directory.h server/admin/directory.c
libserver_a_SOURCES += server/admin/usage.h server/admin/usage.c
libserver_a_SOURCES += server/admin/statedump_options.h
libserver_a_SOURCES += server/admin/statedump_options.c
libserver_a_SOURCES += server/admin/statedump.h server/admin/statedump.c
libserver_a_SOURCES += server/admin/sections.h server/admin/sections.c
libserver_a_SOURCES += server/admin/background.h server/admin/background.c
libserver_a_SOURCES += server/admin/memory_map.h server/admin/memory_map.c
libserver_a_SOURCES += server/admin/memory_balance.h
libserver_a_SOURCES += server/admin/memory_balance.c
libserver_a_SOURCES += server/admin/memory_rows.h server/admin/memory_rows.c
libserver_a_SOURCES += server/admin/memory_words.h server/admin/memory_words.c
libserver_a_SOURCES += server/admin/memory_doctor.h
libserver_a_SOURCES += server/admin/memory_doctor.c
libserver_a_SOURCES += server/admin/section_memory.c
libserver_a_SOURCES += server/admin/section_pages.c
libserver_a_SOURCES += server/admin/section_pressure.c
libserver_a_SOURCES += server/admin/section_calls.c
libserver_a_SOURCES += server/admin/section_latency.c
libserver_a_SOURCES += server/admin/slow_path.h server/admin/slow_path.c
libserver_a_SOURCES += server/admin/section_fops.c
libserver_a_SOURCES += server/admin/section_inodes.c
libserver_a_SOURCES += server/admin/section_clients.c
libserver_a_SOURCES += server/admin/section_threads.c
libserver_a_SOURCES += server/admin/control_line.h server/admin/control_line.c
libserver_a_SOURCES += server/admin/control_text.h server/admin/control_text.c
libserver_a_SOURCES += server/admin/control_socket.h
libserver_a_SOURCES += server/admin/control_socket.c
libserver_a_SOURCES += server/admin/control_command.h
libserver_a_SOURCES += server/admin/control_command.c
libserver_a_SOURCES += server/admin/command_status.c
libserver_a_SOURCES += server/admin/command_locks.c
libserver_a_SOURCES += server/admin/command_config.c
libserver_a_SOURCES += server/admin/command_memory.c
libserver_a_SOURCES += server/admin/command_memory_types.c
libserver_a_SOURCES += server/admin/command_doctor.c
libserver_a_SOURCES += server/admin/command_io.c
libserver_a_SOURCES += server/admin/command_slow_ops.c
libserver_a_SOURCES += server/admin/command_top.c
libserver_a_SOURCES += server/admin/spread.h server/admin/spread.c
libserver_a_SOURCES += server/admin/control.h server/admin/control.c

check_PROGRAMS += tests/unit/test_statedump_options
TESTS += tests/unit/test_statedump_options
tests_unit_test_statedump_options_SOURCES = \
	tests/unit/test_statedump_options.c
tests_unit_test_statedump_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_statedump_options_LDADD = libserver.a libmem.a \
	$(CHECK_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_background
TESTS += tests/unit/test_background
tests_unit_test_background_SOURCES = tests/unit/test_background.c
tests_unit_test_background_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_background_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(EVENT_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_memory_doctor
TESTS += tests/unit/test_memory_doctor
tests_unit_test_memory_doctor_SOURCES = tests/unit/test_memory_doctor.c
tests_unit_test_memory_doctor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_memory_doctor_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(URCU_LIBS)

check_PROGRAMS += tests/unit/test_control_line
TESTS += tests/unit/test_control_line
tests_unit_test_control_line_SOURCES = tests/unit/test_control_line.c
tests_unit_test_control_line_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_control_line_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(JSON_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_control_line
tests_fuzz_fuzz_control_line_SOURCES = tests/fuzz/fuzz_control_line.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_control_line_LDADD = libserver.a libmem.a $(JSON_LIBS) \
	$(URCU_LIBS)
